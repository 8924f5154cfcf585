package configfile

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ParseYAML reads YAML, of which JSON is a part, and notes what is wrong with it.
func ParseYAML(data []byte) *Document {
	d := &Document{Root: &Node{Kind: Object}, Broken: true}
	data, ok := d.decodeText(data)
	if !ok {
		return d
	}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		d.wrong(problem{field: "the file", rule: "is not YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")})
		return d
	}
	if len(document.Content) == 0 {
		d.wrong(problem{field: "the file", rule: "is empty"})
		return d
	}
	d.root(d.fromYAML(document.Content[0], 0))
	return d
}

func (d *Document) fromYAML(y *yaml.Node, depth int) *Node {
	n := &Node{Line: y.Line}
	switch {
	case depth > maxDepth:
		d.wrong(problem{line: y.Line, rule: fmt.Sprintf("the values are nested more than %d deep", maxDepth)})
	case y.Kind == yaml.MappingNode:
		n.Kind = Object
		for i := 0; i+1 < len(y.Content); i += 2 {
			n.Members = append(n.Members, Member{Key: y.Content[i].Value, Line: y.Content[i].Line, Value: d.fromYAML(y.Content[i+1], depth+1)})
		}
	case y.Kind == yaml.SequenceNode:
		n.Kind = List
		for _, item := range y.Content {
			n.Items = append(n.Items, d.fromYAML(item, depth+1))
		}
	case y.Kind == yaml.ScalarNode:
		d.scalar(n, y)
	default:
		d.wrong(problem{line: y.Line, rule: "references to other places of the file (*name) are not supported"})
	}
	return n
}

func (d *Document) scalar(n *Node, y *yaml.Node) {
	n.Text = y.Value
	switch y.ShortTag() {
	case "!!null":
		n.Kind, n.Text = Null, ""
	case "!!bool":
		var value bool
		if y.Decode(&value) == nil {
			n.Kind, n.Text = Bool, strconv.FormatBool(value)
			return
		}
		n.Kind = Text
	case "!!int", "!!float":
		var value float64
		text, err := []byte(nil), y.Decode(&value)
		if err == nil {
			text, err = json.Marshal(value)
		}
		if err != nil {
			d.wrong(problem{line: y.Line, rule: "this number cannot be used"})
			n.Kind, n.Text = Null, ""
			return
		}
		n.Kind, n.Text = Number, string(text)
	default:
		n.Kind = Text
	}
}
