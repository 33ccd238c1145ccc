package docs_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// command is a command of the binary, as its help says.
type command struct {
	below map[string]*command
	flags []string
}

var (
	commandsInHelp = regexp.MustCompile(`(?s)Available Commands:\n(.*?)\n\n`)
	commandInHelp  = regexp.MustCompile(`(?m)^  ([a-z-]+) +\S`)
	flagInHelp     = regexp.MustCompile(`(?m)^ +(?:(-[A-Za-z]), )?(--[a-z0-9-]+)`)
)

// commandTree asks the binary for the help of every command.
func commandTree(t *testing.T) *command {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "cordon")
	build := exec.Command("go", "build", "-o", binary, "./cmd/cordon")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return askHelp(t, binary)
}

func askHelp(t *testing.T, binary string, names ...string) *command {
	t.Helper()
	out, err := exec.Command(binary, append(slices.Clone(names), "--help")...).Output()
	if err != nil {
		t.Fatalf("cordon %s --help: %v", strings.Join(names, " "), err)
	}
	c := &command{below: map[string]*command{}}
	for _, m := range flagInHelp.FindAllStringSubmatch(string(out), -1) {
		c.flags = append(c.flags, m[1], m[2])
	}
	for _, m := range commandInHelp.FindAllStringSubmatch(commandsInHelp.FindString(string(out)), -1) {
		if m[1] != "help" {
			c.below[m[1]] = askHelp(t, binary, append(slices.Clone(names), m[1])...)
		}
	}
	return c
}

// allFlags are the flags of a command and of all below it.
func (c *command) allFlags() []string {
	flags := slices.Clone(c.flags)
	for _, below := range c.below {
		flags = append(flags, below.allFlags()...)
	}
	return flags
}

// fault says what of a call does not exist: words are what follows cordon.
func (c *command) fault(words []string) string {
	path := "cordon"
	for len(words) > 0 && len(c.below) > 0 && regexp.MustCompile(`^[a-z][a-z-]*$`).MatchString(words[0]) {
		below, exists := c.below[words[0]]
		if path += " " + words[0]; !exists {
			return path
		}
		c, words = below, words[1:]
	}
	for _, word := range words {
		flag := flagInPage.FindStringSubmatch(word)
		if flag != nil && !slices.Contains(c.allFlags(), flag[1]) {
			return path + " " + flag[1]
		}
	}
	return ""
}

var (
	// callOfCordon is a call at the beginning of a command in a shell.
	callOfCordon = regexp.MustCompile(`(?:^|\$\(|&& |\|\| |[;|] |, )(?:bin/|/usr/bin/)?(?:cordon|go run \./cmd/cordon) ([^|;&#()]+)`)
	flagAlone    = regexp.MustCompile(`^--[a-z][a-z0-9-]*`)
	flagInPage   = regexp.MustCompile(`^\[?(--?[A-Za-z][a-z0-9-]*)`)
)

// callsThatLack returns what a page calls that does not exist: in blocks of code, in
// inline code, there also without the name of the binary, and flags that stand alone.
func callsThatLack(page string, tree *command) []string {
	var lacks []string
	note := func(fault string) {
		if fault != "" {
			lacks = append(lacks, fault)
		}
	}
	fragments := spansOf(page)
	for _, block := range append(blocksOf(page, "sh"), blocksOf(page, "")...) {
		for line := range strings.Lines(strings.ReplaceAll(block, "\\\n", "")) {
			fragments = append(fragments, strings.TrimSpace(line))
		}
	}
	for _, fragment := range fragments {
		for _, m := range callOfCordon.FindAllStringSubmatch(fragment, -1) {
			note(tree.fault(strings.Fields(m[1])))
		}
		if words := strings.Fields(fragment); len(words) > 1 && tree.below[words[0]] != nil && tree.below[words[0]].below[words[1]] != nil {
			note(tree.fault(words))
		}
		if flag := flagAlone.FindString(fragment); flag != "" && !slices.Contains(tree.allFlags(), flag) {
			note(flag)
		}
	}
	return lacks
}

func TestDocumentsNameCommandsAndFlagsThatExist(t *testing.T) {
	tree := commandTree(t)
	if len(tree.below) < 8 || len(tree.allFlags()) < 40 {
		t.Fatalf("the help is not read as it should be: %d commands, %d flags", len(tree.below), len(tree.allFlags()))
	}
	for _, page := range allPages(t) {
		for _, fault := range callsThatLack(readPage(t, page), tree) {
			t.Errorf("%s names %s, which does not exist", page, fault)
		}
	}
	got := callsThatLack("`cordon bng test bng1 --dry-run` `cordon ghost` `cordon bng ghost` `quarantine add --ghost 1`\n"+
		"`--subscriber` `--phantom`\n"+
		"```sh\ncordon check config x && cordon serve --spectre\n```\n", tree)
	want := []string{"cordon ghost", "cordon bng ghost", "cordon quarantine add --ghost", "--phantom", "cordon serve --spectre"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
