package webservice

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/azureml-go/azureml/internal/rest"
	"github.com/azureml-go/azureml/workspace"
)

// decode reads a service of any kind. It fails only on what is no JSON object: a
// member that is missing, null or of an odd type is taken as absent.
func decode(ws *workspace.Workspace, raw json.RawMessage) (Webservice, error) {
	members, err := membersOf(raw)
	if err != nil {
		return nil, err
	}
	var kind struct {
		Value ComputeType `json:"computeType"`
	}
	_ = json.Unmarshal(raw, &kind)
	svc, err := decodeKind(ws, kind.Value, members)
	if err != nil {
		return nil, err
	}
	svc.Common().ComputeType = kind.Value
	return svc, nil
}

func decodeKind(ws *workspace.Workspace, kind ComputeType, m members) (Webservice, error) {
	switch kind {
	case ComputeTypeAKS:
		return decodeAks(ws, m)
	case ComputeTypeACI:
		return decodeAci(ws, m)
	case ComputeTypeAKSEndpoint:
		return decodeEndpoint(ws, m)
	}
	return decodeUnknown(ws, m)
}

type members = map[string]json.RawMessage

// membersOf takes a service's JSON apart. A private key in it is left out.
func membersOf(raw json.RawMessage) (members, error) {
	var m members
	if err := rest.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	if m == nil {
		return nil, fmt.Errorf("null in place of a JSON object")
	}
	delete(m, "sslKey")
	return m, nil
}

// readable is a copy of m with what Go's decoder would stumble over put right.
func readable(m members) members {
	m = maps.Clone(m)
	for name, right := range map[string]func(json.RawMessage) json.RawMessage{
		"createdTime": wireTime, "updatedTime": wireTime, "kvTags": wireTexts, "properties": wireTexts,
	} {
		value := right(m[name])
		// encoding/json also takes the name in other cases of letters.
		maps.DeleteFunc(m, func(other string, _ json.RawMessage) bool { return strings.EqualFold(other, name) })
		if value != nil {
			m[name] = value
		}
	}
	return m
}

// wireTime gives a time the form that time.Time reads, nil where there is none.
func wireTime(raw json.RawMessage) json.RawMessage {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return nil
	}
	at := rest.ParseTime(text)
	if at.IsZero() {
		return nil
	}
	encoded, err := at.Time.MarshalJSON()
	if err != nil {
		return nil // a year that JSON has no form for
	}
	return encoded
}

// wireTexts makes texts of the values of a map: the service sends numbers and
// booleans as they were given.
func wireTexts(raw json.RawMessage) json.RawMessage {
	var values map[string]json.RawMessage
	if json.Unmarshal(raw, &values) != nil || len(values) == 0 {
		return nil
	}
	texts := make(map[string]string, len(values))
	for name, value := range values {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		texts[name] = text
	}
	encoded, err := rest.Marshal(texts)
	if err != nil {
		return nil
	}
	return encoded
}

// fill decodes members into a snapshot, and common of it gets what all kinds need.
func fill[S any](ws *workspace.Workspace, m members, common func(*S) *Service) (*S, error) {
	raw, err := rest.Marshal(m)
	if err != nil {
		return nil, err
	}
	snapshot, err := lenient[S](readable(m))
	if err != nil {
		return nil, err
	}
	s := common(snapshot)
	s.ws, s.raw, s.runner = ws, raw, new(runner)
	if s.SwaggerURI == "" {
		s.SwaggerURI = swaggerURI(s.ScoringURI)
	}
	return snapshot, nil
}

// maxOdd is how many members of an odd type are left out of a service.
const maxOdd = 100

// lenient decodes members and leaves out those of an odd type. Left in, they would be
// zero, not absent.
func lenient[S any](m members) (*S, error) {
	for range maxOdd {
		raw, err := rest.Marshal(m)
		if err != nil {
			return nil, err
		}
		out := new(S)
		err = json.Unmarshal(raw, out)
		if err == nil {
			return out, nil
		}
		mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err)
		if !ok {
			return nil, err
		}
		if !drop(m, strings.Split(mismatch.Field, ".")) {
			break
		}
	}
	return nil, errors.New("too many members of a type that was not expected")
}

// drop takes the member at path out of m, or the outermost one on the way to it that
// cannot be taken apart. The path may begin with names of Go's embedded structs.
func drop(m members, path []string) bool {
	name := path[0]
	value, ok := m[name]
	if !ok {
		return len(path) > 1 && drop(m, path[1:])
	}
	if len(path) > 1 {
		var inner members
		if json.Unmarshal(value, &inner) == nil && inner != nil && drop(inner, path[1:]) {
			if encoded, err := rest.Marshal(inner); err == nil {
				m[name] = encoded
				return true
			}
		}
	}
	delete(m, name)
	return true
}

// swaggerURI is where the description of a service is that does not tell.
func swaggerURI(scoring string) string {
	u, err := url.Parse(scoring)
	if err != nil || u.Host == "" {
		return ""
	}
	return swaggerAddress(u, "").String()
}

func decodeAks(ws *workspace.Workspace, m members) (*AksWebservice, error) {
	s, err := fill(ws, m, func(s *AksWebservice) *Service { return &s.Service })
	if err != nil {
		return nil, err
	}
	s.ModelIDs, s.Environment = contents(m, s.Environment)
	return s, nil
}

func decodeAci(ws *workspace.Workspace, m members) (*AciWebservice, error) {
	s, err := fill(ws, m, func(s *AciWebservice) *Service { return &s.Service })
	if err != nil {
		return nil, err
	}
	s.ModelIDs, s.Environment = contents(m, s.Environment)
	return s, nil
}

func decodeEndpoint(ws *workspace.Workspace, m members) (*AksEndpoint, error) {
	versions := make(map[string]*AksWebservice)
	var raw map[string]json.RawMessage
	_ = json.Unmarshal(m["versions"], &raw)
	for name, version := range raw {
		inner, err := membersOf(version)
		if err != nil {
			continue
		}
		if versions[name], err = decodeAks(ws, inner); err != nil {
			return nil, err
		}
		if versions[name].Name == "" {
			versions[name].Name = name
		}
	}
	bare := maps.Clone(m)
	delete(bare, "versions")
	s, err := fill(ws, bare, func(s *AksEndpoint) *Service { return &s.Service })
	if err != nil {
		return nil, err
	}
	whole, err := rest.Marshal(m)
	if err != nil {
		return nil, err
	}
	s.raw, s.Versions = whole, versions
	s.ownVersions()
	return s, nil
}

func decodeUnknown(ws *workspace.Workspace, m members) (*UnknownWebservice, error) {
	s, err := fill(ws, m, func(s *UnknownWebservice) *Service { return &s.Service })
	if err != nil {
		return nil, err
	}
	if s.ScoringURI == "" && s.IPAddress != "" && s.Port != nil {
		s.ScoringURI = fmt.Sprintf("%s:%d", s.IPAddress, *s.Port)
	}
	return s, nil
}

// contents finds the models and the environment inside a service: the latter at one of
// two places, models as objects or as ids.
func contents(m members, environment *EnvironmentReference) ([]string, *EnvironmentReference) {
	var image struct {
		ModelIDs    []string              `json:"modelIds"`
		Environment *EnvironmentReference `json:"environment"`
	}
	_ = rest.Unmarshal(m["environmentImageRequest"], &image)
	if image.Environment != nil {
		environment = image.Environment
	}
	var models []struct {
		ID string `json:"id"`
	}
	_ = rest.Unmarshal(m["models"], &models)
	ids := image.ModelIDs
	for _, model := range models {
		if model.ID != "" && !slices.Contains(ids, model.ID) {
			ids = append(ids, model.ID)
		}
	}
	return ids, environment
}

// propertyOrder gives the names of a service's properties in the order of the wire,
// which a Go map does not keep.
func propertyOrder(raw json.RawMessage) []string {
	var outer struct {
		Properties json.RawMessage `json:"properties"`
	}
	if json.Unmarshal(raw, &outer) != nil {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(outer.Properties))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil
	}
	var names []string
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return names
		}
		var value json.RawMessage
		if decoder.Decode(&value) != nil {
			return names
		}
		names = append(names, fmt.Sprint(name))
	}
	return names
}
