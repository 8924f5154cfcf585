package recipes

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the table of the README anew")

const (
	tableBegin = "<!-- recipes: made by go test ./internal/recipes -update -->\n"
	tableEnd   = "<!-- recipes: end -->\n"
)

// TestReadmeTable: the README's table from Python to Go is made of the rows' own code: the
// statements that end in a comment "README:" with the row's id.
func TestReadmeTable(t *testing.T) {
	t.Parallel()
	const file = "../../README.md"
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	head, rest, found := strings.Cut(string(text), tableBegin)
	require.True(t, found)
	_, tail, found := strings.Cut(rest, tableEnd)
	require.True(t, found)
	want := head + tableBegin + table(t) + tableEnd + tail
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644)) //nolint:gosec // a page that everyone may read
		return
	}
	assert.Equal(t, want, string(text), "run: go test ./internal/recipes -run TestReadmeTable -update")
}

// table is the table in Markdown, a row a recipe.
func table(t *testing.T) string {
	t.Helper()
	shown := marked(t)
	shown["B11"] = []string{deployTask(t), "(a task of `examples/azml/vscode`)"}
	rows := all()
	slices.SortFunc(rows, func(a, b recipe) int { return strings.Compare(a.id, b.id) })
	var b strings.Builder
	b.WriteString("\n| | In Python, or the CLI v1 | In Go |\n|---|---|---|\n")
	for _, r := range rows {
		require.NotEmpty(t, r.python, r.id)
		require.NotEmpty(t, shown[r.id], "no statement has the comment README: %s", r.id)
		var cells []string
		for _, code := range shown[r.id] {
			if !strings.HasPrefix(code, "(") {
				code = "`" + code + "`"
			}
			cells = append(cells, strings.ReplaceAll(code, "|", `\|`))
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.id, r.python, strings.Join(cells, "<br>"))
		delete(shown, r.id)
	}
	assert.Empty(t, shown, "comments for rows that there are not")
	return b.String() + "\n"
}

// marked gives, by the ids of rows, the statements that are for the README.
func marked(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	found := map[string][]string{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, text, parser.ParseComments)
		require.NoError(t, err)
		for _, group := range file.Comments {
			for _, comment := range group.List {
				ids, ok := strings.CutPrefix(comment.Text, "// README: ")
				if !ok {
					continue
				}
				code := statement(set, file, text, set.Position(comment.Pos()).Line)
				require.NotEmpty(t, code, "%s: no statement ends at this comment", set.Position(comment.Pos()))
				for _, id := range strings.Fields(ids) {
					found[id] = append(found[id], readable(code))
				}
			}
		}
	}
	for _, codes := range found { // helpers lie in other files; what others use comes first
		slices.SortStableFunc(codes, func(a, b string) int { return strings.Compare(variable(b), variable(a)) })
	}
	return found
}

// variable is the name of the one that others use, if the statement makes it.
func variable(code string) string {
	return regexp.MustCompile(`^(inference|config) :=`).FindString(code)
}

// statement is the text of the simple statement that ends in a line.
func statement(set *token.FileSet, file *ast.File, text []byte, line int) (code string) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.AssignStmt, *ast.ExprStmt, *ast.ReturnStmt:
			if code == "" && set.Position(n.End()).Line == line {
				code = string(text[set.Position(n.Pos()).Offset:set.Position(n.End()).Offset])
			}
		}
		return code == ""
	})
	return code
}

// readable writes a statement as a program would that is no test: the emulator's names are
// those of variables, and what helpers do stands in their place.
func readable(code string) string {
	code = strings.Join(strings.Fields(code), " ")
	for _, r := range []struct{ pattern, with string }{
		{`\{ `, `{`},
		{`,? \}`, `}`},
		{`\( `, `(`},
		{`w\.t\.Context\(\)|t\.Context\(\)`, `ctx`},
		{`^printed := w\.line\("(.*)"\)$`, `azml $1`},
		{`" \+ dir \+ "/`, ``},
		{`filepath\.Join\(dir, ("[^"]*")\)`, `$1`},
		{`filepath\.Join\(dir, file\)`, `"inferenceconfig.json"`},
		{`by-command`, `myservice`},
		// The connection to the emulator, which programs do not need.
		{`w\.srv\.Credential\(\)|w\.credential\(w\.reader\(\)\)`, `credential`},
		{`ClientOptions: w\.srv\.ClientOptions\(\)(, )?`, ``},
		{`Transport: w\.srv\.Client\(\)\.Transport`, ``},
		{`&\w+\.\w+Options\{\}`, `nil`},
		{`w\.options\(\)`, `&workspace.GetOptions{SubscriptionID: subscriptionID, ResourceGroup: resourceGroup}`},
		// What helpers do.
		{`^(\w+) := d\.login\(authentication\.InteractiveLoginOptions\{\}\)`, `$1, err := authentication.NewInteractiveLogin(nil)`},
		{`^(\w+) := d\.login\((.*)\)$`, `$1, err := authentication.NewInteractiveLogin(&$2)`},
		{`^svc := w\.deploy(ToACI)?\((ws|w\.workspace\(\)), (webservice\..*)\)$`, `config := $3`},
		{`^e, err := w\.version\(ws, w\.endpoint\(ws\), (.*)\)$`, `p, err := e.BeginCreateVersion(ctx, $1, nil)`},
		{`BeginCreateVersion\(ctx, ("\w+"), `, `BeginCreateVersion(ctx, $1, models, inference, `},
		{`^aks = w\.update\(aks, (.*)\)$`, `p, err := aks.BeginUpdate(ctx, $1, nil)`},
		{`^_, err = w\.attach\(ws, ("\w+")\)$`, `_, err = compute.BeginAttach(ctx, ws, $1, attach, nil)`},
		{`^return azureml\.Wait\(`, `aks, err := azureml.Wait(`},
		{`^return &model\.InferenceConfig`, `inference := &model.InferenceConfig`},
		{`^require\.ErrorIs\(t, err, (azureml\.\w+).*\)$`, `errors.Is(err, $1)`},
		{`^assert\.True\(t, (.*)\)$`, `$1`},
		// The world that helpers set up.
		{`\[\]\*model\.Model\{(w\.model\(ws\)|second|m)\}`, `models`},
		{`\[\]\*model\.Model\{\}`, `nil`},
		{`w\.inference\(\), c,`, `inference, config,`},
		{`w\.inference\(\)`, `inference`},
		{`w\.cluster\(ws\)\.Name`, `"myaks"`},
		{`w\.workspace\(\)|recipeWorkspace\(t, w\)`, `ws`},
		{`, &compute\.AttachOptions\{OnWarning: .*\}\)$`, `, nil)`},
		{`Output: &shown`, `Output: os.Stdout`},
		{`azureml\.NewSecret\(azuremltest\.ClientSecret\)`, `secret`},
		{`azuremltest\.ClientSecret`, `secret`},
		{`azuremltest\.TenantID`, `tenantID`},
		{`azuremltest\.(ClientID)|app\.ClientID`, `clientID`},
		{`app\.ObjectID`, `objectID`},
		{`azuremltest\.SubscriptionID`, `subscriptionID`},
		{`azuremltest\.ResourceGroup`, `resourceGroup`},
		{`azuremltest\.WorkspaceName`, `"ml-example"`},
		{`azuremltest\.ClusterResourceGroup`, `"rg-aks"`},
		{`azuremltest\.ClusterName`, `"aks"`},
		{`c\.id`, `id`},
	} {
		code = regexp.MustCompile(r.pattern).ReplaceAllString(code, r.with)
	}
	return code
}

// deployTask is the command line of the editor's task that deploys.
func deployTask(t *testing.T) string {
	t.Helper()
	tasks := readJSON[editorTasks](t, filepath.Join(editorFolder, ".vscode", "tasks.json"))
	for _, task := range tasks.Tasks {
		if task.Label == "azml: deploy" {
			return strings.Join(append([]string{tasks.Command}, task.Args[1:]...), " ")
		}
	}
	require.Fail(t, "no task deploys")
	return ""
}

// TestReadable: nothing of the tests is left in the table.
func TestReadable(t *testing.T) {
	t.Parallel()
	for id, codes := range marked(t) {
		for _, code := range codes {
			assert.NotRegexp(t, `\b[wd]\.|azuremltest|\bt\.|require|assert|w\)`, code, id)
			assert.LessOrEqual(t, len(code), 480, "%s: too long for a table", id)
			if !strings.HasPrefix(code, "azml ") {
				_, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc _() {\n"+code+"\n}", 0)
				assert.NoError(t, err, code)
			}
		}
	}
}
