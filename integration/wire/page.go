package wire

// Page is one page of a list.
type Page[T any] struct {
	Results []T     `json:"results"`
	Next    *string `json:"next" doc:"Path of the next page; null: this is the last."`
}

// CasePage is one page of cases.
type CasePage struct {
	Page[Case]
	Damaged []string `json:"damaged,omitempty" doc:"Redis keys of unreadable cases, which are skipped whatever the filter."`
}
