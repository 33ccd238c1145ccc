package dialect

// Listing says which of a session's addresses an Interim-Update of the platform lists.
// The words stand in the files, and in bngs[].interim_addresses.
type Listing string

// The ways of listing.
const (
	ListsSome Listing = "some" // an address that is left out says nothing; so too ""
	ListsAll  Listing = "all"  // an address that is left out was released
)

// All reports whether what an Interim-Update leaves out is not held any more.
func (l Listing) All() bool { return l == ListsAll }

// Interims says what an Interim-Update of the platform lists of the session's addresses,
// and who says so. Only what the maker's documents or source say counts: what a
// lab saw once may depend on its configuration.
type Interims struct {
	List   Listing `yaml:"list"`
	Source string  `yaml:"source"`
}

func (v *validator) checkInterims() {
	i := v.dialect.InterimAddresses
	v.want(i.List == "" || i.List == ListsSome || i.List == ListsAll, "interim_addresses", "list: want some or all")
	v.want(i.List != ListsAll || i.Source != "", "interim_addresses", "list: all must have a source: the maker's document or source code")
	v.want(i.List != "" || i.Source == "", "interim_addresses", "list must be set")
}
