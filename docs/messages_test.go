package docs_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sentence is inline code that quotes a message: four words or more, and none of what
// commands, configuration and RADIUS have.
var sentence = regexp.MustCompile(`^[^{}$=%&|"<]+$`)

// runsOf returns the words of a text without punctuation, cut behind a colon and where
// a value stands: a verb of fmt, or a name with digits or dashes, in capitals or left out.
func runsOf(text string) [][]string {
	text = regexp.MustCompile(`%[-+.#0-9]*[a-z]`).ReplaceAllString(text, " … ")
	var runs [][]string
	var run []string
	for word := range strings.FieldsSeq(text) {
		switch bare := strings.Trim(word, ",;:.()'\""); {
		case regexp.MustCompile(`^[A-Z]?[a-z']+$`).MatchString(bare):
			run = append(run, strings.ToLower(bare))
		default:
			runs, run = append(runs, run), nil
		}
		if strings.HasSuffix(word, ":") {
			runs, run = append(runs, run), nil
		}
	}
	return append(runs, run)
}

// longest joins the first four words of the longest run.
func longest(runs [][]string) string {
	most := slices.MaxFunc(runs, func(a, b []string) int { return len(a) - len(b) })
	return strings.Join(most[:min(4, len(most))], " ")
}

// messagesThatLack returns the messages that a page quotes of which no literal of the code
// has the words.
func messagesThatLack(page string, literals []string) []string {
	var lacks []string
	for _, span := range spansOf(page) {
		if len(strings.Fields(span)) < 4 || !sentence.MatchString(span) || strings.HasPrefix(span, "cordon ") {
			continue
		}
		words := longest(runsOf(span))
		if strings.Contains(words, " ") && !slices.ContainsFunc(literals, func(l string) bool { return strings.Contains(l, words) }) {
			lacks = append(lacks, span)
		}
	}
	return lacks
}

func TestTheManualQuotesMessagesThatExist(t *testing.T) {
	var literals []string
	for _, texts := range readableOfModule(t) {
		for _, piece := range texts {
			if filepath.Ext(piece.file) == ".go" {
				for _, run := range runsOf(piece.content) {
					literals = append(literals, strings.Join(run, " "))
				}
			}
		}
	}
	for _, page := range []string{"operators-manual.md", "api.md", "redis.md", "stability.md"} {
		for _, message := range messagesThatLack(readPage(t, page), literals) {
			t.Errorf("%s quotes %q, which the code does not say", page, message)
		}
	}
	got := messagesThatLack("`BNG bng7 was retired: …` `the moon is made of cheese` `cordon bng list -o wide` `a b`", literals)
	if !slices.Equal(got, []string{"the moon is made of cheese"}) {
		t.Errorf("the check does not bite: %q", got)
	}
}
