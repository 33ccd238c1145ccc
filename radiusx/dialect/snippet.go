package dialect

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"cordon/radiusx"
)

// SnippetRequest is what the lines for a BNG are filled with. Fields that are not set
// appear as placeholders between < and >.
type SnippetRequest struct {
	Name     string         // of the BNG
	BNG      netip.Addr     // its address, where it listens
	Cordon   netip.Addr     // the source of our requests
	Port     uint16         // the BNG listens on; 0 = the dialect's
	Secret   radiusx.Secret //
	Revealed bool           // print the secret itself and not <secret>
}

// snippetNames is the one table of what may stand between braces in a snippet.
var snippetNames = []string{"bng", "cordon", "name", "port", "secret"}

var snippetPlaceholder = regexp.MustCompile(`\{[a-z_]+\}`)

// unknownSnippetName returns the first placeholder in text that does not exist.
func unknownSnippetName(text string) string {
	for _, found := range snippetPlaceholder.FindAllString(text, -1) {
		if !slices.Contains(snippetNames, strings.Trim(found, "{}")) {
			return found
		}
	}
	return ""
}

// Snippet returns the lines of configuration with which the BNG accepts our CoA; false
// where they are not known for this platform. The secret is shown only if r says so,
// and only if it can stand in a line.
func (d *Dialect) Snippet(r SnippetRequest) (string, bool) {
	if d.SnippetText == "" {
		return "", false
	}
	port, secret := r.Port, ""
	if port == 0 {
		port = d.CoAPort
	}
	if r.Revealed {
		secret = string(r.Secret.Bytes())
	}
	value := map[string]string{
		"bng": address(r.BNG), "cordon": address(r.Cordon), "name": r.Name, "port": strconv.Itoa(int(port)), "secret": secret,
	}
	return snippetPlaceholder.ReplaceAllStringFunc(d.SnippetText, func(found string) string {
		name := strings.Trim(found, "{}")
		if text := value[name]; text != "" && !strings.ContainsFunc(text, breaksLine) {
			return text
		}
		return "<" + name + ">"
	}), true
}

func address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// breaksLine reports whether r cannot be one word of a line that people paste.
func breaksLine(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }
