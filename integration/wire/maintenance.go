package wire

import "time"

// Maintenance is a BNG's maintenance window.
type Maintenance struct {
	Until  time.Time `json:"until" doc:"Nothing new is restricted on the BNG before that."`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	At     time.Time `json:"at" doc:"When it was given."`
}

// MaintenanceRequest gives a BNG a maintenance window, in place of the one it has.
type MaintenanceRequest struct {
	For    string `json:"for" doc:"From now, e.g. 2h; at most 168h."`
	Reason string `json:"reason" doc:"What is done on the BNG; each case that waits shows it."`
}

// EndMaintenanceRequest ends a BNG's maintenance window now.
type EndMaintenanceRequest struct {
	Reason string `json:"reason" doc:"Why it ends now; the log keeps it."`
}
