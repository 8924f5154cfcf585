package parity

import (
	"encoding/json"

	"github.com/azureml-go/azureml/internal/recording/wire"
)

// withContents gives answers of which the golden has only the digest their bytes, where
// the reference's result quotes them: a text in it of the same length and sum.
func (g *Golden) withContents() {
	var result any
	if json.Unmarshal(g.Result, &result) != nil {
		return
	}
	known := map[wire.Digest]string{}
	eachText(result, func(text string) { known[wire.DigestOf([]byte(text))] = text })
	for i := range g.Interactions {
		answer := &g.Interactions[i].Response
		if answer.Bytes == nil || answer.Bodies() > 0 {
			continue
		}
		if text, ok := known[*answer.Bytes]; ok {
			answer.Text, answer.Bytes = &text, nil
		}
	}
}

// eachText visits the texts of decoded JSON.
func eachText(v any, visit func(string)) {
	switch v := v.(type) {
	case string:
		visit(v)
	case []any:
		for _, e := range v {
			eachText(e, visit)
		}
	case map[string]any:
		for _, e := range v {
			eachText(e, visit)
		}
	}
}
