package docs_test

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cordon/cmd/cordon/app"
)

// openAPI is the document of all edges, which a test of theirs keeps true.
type openAPI struct {
	paths  []string
	fields []string // of all schemas, and parameters
}

func readOpenAPI(t *testing.T) openAPI {
	t.Helper()
	var document map[string]any
	if err := json.Unmarshal([]byte(readPage(t, "../integration/wire/testdata/openapi.json")), &document); err != nil {
		t.Fatal(err)
	}
	api := openAPI{paths: []string{"/metrics"}}
	for path := range document["paths"].(map[string]any) {
		api.paths = append(api.paths, strings.TrimPrefix(path, "/api/v1"))
	}
	api.addFields(document)
	return api
}

func (a *openAPI) addFields(node any) {
	switch node := node.(type) {
	case []any:
		for _, v := range node {
			a.addFields(v)
		}
	case map[string]any:
		if properties, isSchema := node["properties"].(map[string]any); isSchema {
			for name := range properties {
				a.fields = append(a.fields, name)
			}
		}
		if name, isParameter := node["name"].(string); isParameter && node["in"] != nil {
			a.fields = append(a.fields, name)
		}
		for _, v := range node {
			a.addFields(v)
		}
	}
}

// hasPath reports whether a path is one of the API; what stands for a name in it fits
// anything.
func (a *openAPI) hasPath(path string) bool {
	parts := strings.Split(strings.TrimSuffix(path, "/"), "/")
	return slices.ContainsFunc(a.paths, func(known string) bool {
		want := strings.Split(known, "/")
		for i, part := range parts {
			if i >= len(want) || part != want[i] && !strings.HasPrefix(want[i], "{") {
				return false
			}
		}
		return len(parts) == len(want) || strings.HasSuffix(path, "/")
	})
}

var (
	pathInPage  = regexp.MustCompile(`(?:127\.0\.0\.1:8480|^|(?:GET|POST) |cordon\.example)(?:/api/v1)?(/[a-z][\w/{}….-]*)`)
	fieldInPage = regexp.MustCompile(`^[a-z]+(?:_[a-z]+)+$`)
)

// apiPathsThatLack returns the calls of a page that the API does not have.
func apiPathsThatLack(page string, api *openAPI) []string {
	var lacks []string
	for _, text := range append(spansOf(page), blocksOf(page, "sh")...) {
		for _, m := range pathInPage.FindAllStringSubmatch(text, -1) {
			first, _, _ := strings.Cut(m[1][1:], "/")
			if !slices.Contains([]string{"etc", "var", "run", "usr"}, first) && m[1] != "/api/v1" && !api.hasPath(m[1]) {
				lacks = append(lacks, m[1])
			}
		}
	}
	return lacks
}

func TestDocumentsNameCallsOfTheAPIThatExist(t *testing.T) {
	api := readOpenAPI(t)
	if len(api.paths) < 20 {
		t.Fatalf("the API has %d paths only", len(api.paths))
	}
	for _, page := range []string{"api.md", "operators-manual.md", "stability.md", "../README.md", "examples/freeradius/README.md"} {
		for _, path := range apiPathsThatLack(readPage(t, page), &api) {
			t.Errorf("%s names %s, which the API does not have", page, path)
		}
	}
	got := apiPathsThatLack("`GET /cases` `/cases/{id}/ghost` `POST /ghosts`\n"+
		"```sh\ncurl 127.0.0.1:8480/api/v1/cases/c-1/release\n```\n", &api)
	if want := []string{"/cases/{id}/ghost", "/ghosts"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// apiNamesThatLack returns the words of a page's inline code that look like a field or a
// value and are none, nor a key of the configuration.
func apiNamesThatLack(page string, api *openAPI, literals map[string]bool, keys []string) []string {
	var lacks []string
	for _, span := range spansOf(page) {
		isKey := slices.ContainsFunc(keys, func(k string) bool { return strings.HasSuffix(k, "."+span) })
		if fieldInPage.MatchString(span) && !slices.Contains(api.fields, span) && !literals[span] && !isKey {
			lacks = append(lacks, span)
		}
	}
	return lacks
}

func TestTheAPIPageNamesFieldsThatExist(t *testing.T) {
	api, literals, keys := readOpenAPI(t), literalsOfModule(t), configKeys(reflect.TypeFor[app.Config](), "")
	ofTheirOwn := "adsl_agent_circuit_id" // a column that is called like an attribute
	for _, name := range apiNamesThatLack(readPage(t, "api.md"), &api, literals, keys) {
		if name != ofTheirOwn {
			t.Errorf("api.md names %s, which is neither a field nor a value", name)
		}
	}
	got := apiNamesThatLack("`expires_at` `false_positive` `min_confidence` `no_such_field`", &api, literals, keys)
	if !slices.Equal(got, []string{"no_such_field"}) {
		t.Errorf("the check does not bite: %q", got)
	}
}
