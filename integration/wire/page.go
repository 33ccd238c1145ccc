package wire

// Page is one page of a list.
type Page[T any] struct {
	Results []T     `json:"results"`
	Next    *string `json:"next" doc:"Where the next page is; null: there is none."`
}

// CasePage is one page of cases.
type CasePage struct {
	Page[Case]
	Damaged []string `json:"damaged,omitempty" doc:"Keys of Redis where a case should be, and something else is; passed over, whatever was asked for."`
}
