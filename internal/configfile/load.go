package configfile

import (
	"maps"
	"slices"

	"github.com/azureml-go/azureml"
)

// Load reads the file at path, which what says the kind of, puts what set says in place of
// what the file says, and lets decode take it apart. Then it tells what is to be warned of
// and gives everything that is wrong as one error. A file that cannot be taken apart at all
// is not given to decode.
func Load(what, path string, set map[string]any, onWarning func(azureml.Warning), decode func(*Document)) error {
	doc, err := Read(what, path)
	if err != nil {
		return err
	}
	subject := Subject(what, path)
	if doc.Broken {
		return doc.Err(subject)
	}
	for _, key := range slices.Sorted(maps.Keys(set)) {
		doc.Set(key, set[key])
	}
	decode(doc)
	doc.SendWarnings(subject, onWarning)
	return doc.Err(subject)
}
