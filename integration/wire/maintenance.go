package wire

import "time"

// Maintenance is a BNG's maintenance window.
type Maintenance struct {
	Until  time.Time `json:"until" doc:"New restrictions on the BNG are deferred until then."`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	At     time.Time `json:"at" doc:"When it was set."`
}

// MaintenanceRequest sets a BNG's maintenance window, replacing the present one.
type MaintenanceRequest struct {
	For    string `json:"for" doc:"Duration from now, e.g. 2h; at most 168h."`
	Reason string `json:"reason" doc:"Why; shown by each case that is deferred."`
}

// EndMaintenanceRequest ends a BNG's maintenance window now.
type EndMaintenanceRequest struct {
	Reason string `json:"reason" doc:"Why; kept in the journal."`
}
