// What Go's own text/template makes of the templates in templates.txt, one a line, as JSON: `go run oracle.go <templates.txt
// >expected.jsonl`. The data has the types that Argo CD Image Updater gives to the template of a commit message.
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"text/template"
)

type change struct {
	Image, OldTag, NewTag string
	Labels                map[string]string
}

type message struct {
	AppName    string
	AppChanges []change
}

type verdict struct {
	Template string  `json:"template"`
	Text     *string `json:"text"`
	Error    *string `json:"error"`
}

func render(text string) (string, error) {
	parsed, err := template.New("").Parse(text)
	if err != nil {
		return "", err
	}
	data := message{"foobar", []change{{"foo/bar", "1.0", "1.1", nil}, {"bar/baz", "2.0", "2.1", nil}}}
	var made strings.Builder
	err = parsed.Execute(&made, data)
	return made.String(), err
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for lines.Scan() {
		text := strings.ReplaceAll(lines.Text(), `\n`, "\n")
		made, err := render(text)
		found := verdict{Template: text}
		if err != nil {
			words := err.Error()
			found.Error = &words
		} else {
			found.Text = &made
		}
		if err := out.Encode(found); err != nil {
			panic(err)
		}
	}
}
