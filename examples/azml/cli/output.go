package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/tabwriter"
	"time"
)

// result is what a command has to show. The zero value shows nothing.
type result struct {
	// value is what -output json prints.
	value any
	// columns and rows are what the other forms print.
	columns []string
	rows    [][]any
	// text, when set, is printed as it is in all forms but json, and there too if verbatim.
	text     string
	verbatim bool
}

// list makes a result of a list: one row an item.
func list[T any](items []T, columns []string, row func(T) []any) result {
	if items == nil {
		items = []T{} // prints as []
	}
	r := result{value: items, columns: columns}
	for _, item := range items {
		r.rows = append(r.rows, row(item))
	}
	return r
}

// one makes a result of a single thing: one line a member.
func one(value any, members ...any) result {
	r := result{value: value}
	for i := 0; i+1 < len(members); i += 2 {
		if !empty(members[i+1]) {
			r.rows = append(r.rows, []any{members[i], members[i+1]})
		}
	}
	return r
}

// write writes a result in the form that was asked for.
func (r result) write(w io.Writer, form string) error {
	switch {
	case r.value == nil && r.text == "":
		return nil
	case form == formJSON && !r.verbatim:
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		value := r.value
		if value == nil {
			value = r.text
		}
		return e.Encode(value)
	case r.text != "":
		_, err := io.WriteString(w, strings.TrimSuffix(r.text, "\n")+"\n")
		return err
	case form == formTSV:
		return r.writeTSV(w)
	}
	return r.writeTable(w)
}

// The forms of output.
const (
	formJSON  = "json"
	formTable = "table"
	formTSV   = "tsv"
)

// writeTSV writes values parted by tabs, without a head, for other programs.
func (r result) writeTSV(w io.Writer) error {
	clean := strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")
	for _, row := range r.rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = clean.Replace(show(cell))
		}
		if _, err := fmt.Fprintln(w, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	return nil
}

func (r result) writeTable(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	lines := make([][]string, 0, len(r.rows)+2)
	if r.columns != nil {
		rule := make([]string, len(r.columns))
		for i, c := range r.columns {
			rule[i] = strings.Repeat("-", len(c))
		}
		lines = append(lines, r.columns, rule)
	}
	for _, row := range r.rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = strings.Join(strings.Fields(show(cell)), " ")
		}
		lines = append(lines, cells)
	}
	for _, line := range lines {
		fmt.Fprintln(table, strings.TrimRight(strings.Join(line, "\t"), "\t"))
	}
	return table.Flush()
}

// show writes a value as a person would: nothing for nil, times in UTC.
func show(value any) string {
	v := reflect.ValueOf(value)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		return show(v.Elem().Interface())
	}
	switch value := value.(type) {
	case nil:
		return ""
	case time.Time:
		if value.IsZero() {
			return ""
		}
		return value.UTC().Format("2006-01-02 15:04:05")
	case map[string]string:
		text, _ := json.Marshal(value) // sorted
		if len(value) == 0 {
			return ""
		}
		return string(text)
	case []string:
		return strings.Join(value, ", ")
	}
	return fmt.Sprint(value)
}

func empty(value any) bool { return show(value) == "" }
