package docs_test

import (
	"fmt"
	"slices"
	"strings"
)

// module is the path that all packages of this repository begin with.
const module = "cordon"

// importRule is one row of "Who may import whom".
type importRule struct {
	pattern   string
	may       []string // patterns; "anything"
	testsAlso []string
	foreign   []string // prefixes of other modules' paths; "any"
	never     []string // exact paths of the standard library
}

// moduleRule is one row of "Modules that only some packages may import".
type moduleRule struct {
	module string
	only   []string
}

// importRules are all rules of architecture.md.
type importRules struct {
	packages []importRule
	modules  []moduleRule
}

// listedPackage is what go list reports of a package.
type listedPackage struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// parseImportRules reads the tables of architecture.md.
func parseImportRules(page string) (importRules, error) {
	var rules importRules
	who, err := tableOf(page, "Who may import whom", 4)
	if err != nil {
		return rules, err
	}
	for _, row := range who {
		r := importRule{pattern: bare(row[0]), may: words(row[1]), testsAlso: words(row[2]), foreign: words(row[3])}
		if slices.ContainsFunc(rules.packages, func(o importRule) bool { return o.pattern == r.pattern }) {
			return rules, fmt.Errorf("%s has two rows", r.pattern)
		}
		rules.packages = append(rules.packages, r)
	}
	only, err := tableOf(page, "Modules that only some packages may import", 2)
	if err != nil {
		return rules, err
	}
	for _, row := range only {
		rules.modules = append(rules.modules, moduleRule{bare(row[0]), words(row[1])})
	}
	never, err := tableOf(page, "Standard library that only some packages may not import", 2)
	if err != nil {
		return rules, err
	}
	for _, row := range never {
		i := slices.IndexFunc(rules.packages, func(r importRule) bool { return r.pattern == bare(row[0]) })
		if i < 0 {
			return rules, fmt.Errorf("%s must not import something, but has no row of its own", row[0])
		}
		rules.packages[i].never = words(row[1])
	}
	return rules, nil
}

// tableOf returns the cells of the first table below a heading, without its head.
func tableOf(page, heading string, columns int) ([][]string, error) {
	_, below, found := strings.Cut(page, "### "+heading+"\n")
	if !found {
		return nil, fmt.Errorf("there is no heading %q", heading)
	}
	var rows [][]string
	for line := range strings.Lines(below) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			if len(rows) > 0 || strings.HasPrefix(line, "#") {
				break
			}
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != columns {
			return nil, fmt.Errorf("%s: %q has %d cells, not %d", heading, line, len(cells), columns)
		}
		rows = append(rows, cells)
	}
	if len(rows) < 3 {
		return nil, fmt.Errorf("there is no table under %q", heading)
	}
	return rows[2:], nil
}

func bare(cell string) string { return strings.Trim(cell, " `") }

// words are the names in a cell; "nothing" and "none" are none.
func words(cell string) []string {
	var names []string
	for _, w := range strings.Fields(cell) {
		if w = bare(w); w != "nothing" && w != "none" {
			names = append(names, w)
		}
	}
	return names
}

// matches reports whether a pattern fits a package; path is without the module.
func matches(pattern, path string) bool {
	switch {
	case pattern == "anything":
		return true
	case strings.HasSuffix(pattern, "/..."):
		top := strings.TrimSuffix(pattern, "/...")
		return path == top || strings.HasPrefix(path, top+"/")
	case strings.HasSuffix(pattern, "/*"):
		rest, below := strings.CutPrefix(path, strings.TrimSuffix(pattern, "*"))
		return below && rest != "" && !strings.Contains(rest, "/")
	}
	return pattern == path
}

func anyMatches(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, path) })
}

// specific orders patterns that fit the same package: an exact one wins, else
// the one that names more of the path, else the one that reaches less far.
func specific(pattern string) int {
	if stem, ok := strings.CutSuffix(pattern, "/..."); ok {
		return 2 * len(stem)
	}
	if stem, ok := strings.CutSuffix(pattern, "/*"); ok {
		return 2*len(stem) + 1
	}
	return 2*len(pattern) + 1000
}

// ruleOf returns the rule of a package, nil if it has none.
func (r *importRules) ruleOf(path string) *importRule {
	var best *importRule
	for i := range r.packages {
		p := &r.packages[i]
		if matches(p.pattern, path) && (best == nil || specific(p.pattern) > specific(best.pattern)) {
			best = p
		}
	}
	return best
}

// check returns a sentence for each import that the rules forbid, and for each
// package that has no rule.
func (r *importRules) check(packages []listedPackage) []string {
	var faults []string
	for _, p := range packages {
		path := strings.TrimPrefix(p.ImportPath, module+"/")
		rule := r.ruleOf(path)
		if rule == nil {
			faults = append(faults, fmt.Sprintf("%s has no row in docs/architecture.md; give it one", path))
			continue
		}
		for _, imported := range p.Imports {
			faults = append(faults, r.checkImport(rule, path, imported, nil)...)
		}
		also := append([]string{path}, rule.testsAlso...)
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			faults = append(faults, r.checkImport(rule, path, imported, also)...)
		}
	}
	slices.Sort(faults)
	return slices.Compact(faults)
}

// checkImport judges one import; also is nil unless a test imports it.
func (r *importRules) checkImport(rule *importRule, path, imported string, also []string) []string {
	who := path
	if also != nil {
		who = "a test of " + path
	}
	first, _, _ := strings.Cut(imported, "/")
	switch own, inside := strings.CutPrefix(imported, module+"/"); {
	case inside:
		if anyMatches(rule.may, own) || anyMatches(also, own) {
			return nil
		}
		may := listed(slices.Concat(rule.may, testsOnly(also)))
		return []string{fmt.Sprintf("%s imports %s, but %s may import %s", who, own, rule.pattern, may)}
	case !strings.Contains(first, "."):
		if !slices.Contains(rule.never, imported) {
			return nil
		}
		return []string{fmt.Sprintf("%s imports %s, which is closed to it: it does no I/O", who, imported)}
	}
	for _, m := range r.modules {
		if strings.HasPrefix(imported, m.module) && !anyMatches(m.only, path) {
			return []string{fmt.Sprintf("%s imports %s, but only %s may", who, imported, listed(m.only))}
		}
	}
	isAllowed := func(m string) bool { return m == "any" || strings.HasPrefix(imported, m) }
	if also != nil || slices.ContainsFunc(rule.foreign, isAllowed) {
		return nil
	}
	return []string{fmt.Sprintf("%s imports %s, but of other modules %s may import %s", who, imported, rule.pattern, listed(rule.foreign))}
}

// testsOnly leaves out the package itself.
func testsOnly(also []string) []string {
	if len(also) == 0 {
		return nil
	}
	return also[1:]
}

func listed(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
