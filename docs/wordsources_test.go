package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strconv"
	"strings"
)

// textsOfGo returns the string literals of a Go file: errors, log messages,
// help, names of metrics, descriptions of the API. Paths of imports are none,
// and of a field's tag only its doc is.
func textsOfGo(file string, source []byte) ([]text, error) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var texts []text
	add := func(at token.Pos, content string) {
		texts = append(texts, text{file, set.Position(at).Line, content})
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			if n.Tag != nil {
				add(n.Tag.Pos(), docOf(n.Tag))
				n.Tag = nil
			}
		case *ast.BinaryExpr:
			if sentence, literal := concatenation(n); literal {
				add(n.Pos(), sentence)
				return false
			}
		case *ast.BasicLit:
			if n.Kind == token.STRING {
				add(n.Pos(), unquoted(n))
			}
		}
		return true
	})
	return texts, nil
}

func docOf(tag *ast.BasicLit) string { return reflect.StructTag(unquoted(tag)).Get("doc") }

func unquoted(literal *ast.BasicLit) string {
	content, err := strconv.Unquote(literal.Value)
	if err != nil {
		return literal.Value
	}
	return content
}

// concatenation joins literals that are added to each other: a sentence that was
// broken over lines.
func concatenation(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		return unquoted(e), e.Kind == token.STRING
	case *ast.BinaryExpr:
		left, literal := concatenation(e.X)
		right, too := concatenation(e.Y)
		return left + right, literal && too && e.Op == token.ADD
	}
	return "", false
}

// textsOfLua returns the string literals of a script, which has errors in them.
// A comment is none; no script has brackets around strings.
func textsOfLua(file, source string) []text {
	var texts []text
	for i, line := range strings.Split(source, "\n") {
		for rest := line; ; {
			at := strings.IndexAny(rest, `"'-`)
			if at < 0 || strings.HasPrefix(rest[at:], "--") {
				break
			}
			quote := rest[at]
			rest = rest[at+1:]
			if quote == '-' {
				continue
			}
			literal, after, ended := strings.Cut(rest, string(quote))
			if !ended {
				break
			}
			texts = append(texts, text{file, i + 1, literal})
			rest = after
		}
	}
	return texts
}
