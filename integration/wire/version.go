package wire

// Version is what a build knows of itself.
type Version struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Built   string `json:"built"` // time of the commit, RFC 3339; empty if unknown
	Go      string `json:"go"`
}
