package webservice

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/jsonpatch"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// AddTags adds tags to those that the service has now, not to those of this picture,
// replaces those of the same names, waits until that is done and returns the service as
// it is then. Two programs that change tags at the same moment can still lose one of the
// changes: the service has no condition for it. It mirrors azureml.core's add_tags.
func (s *AksWebservice) AddTags(ctx context.Context, tags map[string]string) (*AksWebservice, error) {
	return addTags[*AksWebservice](ctx, &s.Service, tags)
}

// RemoveTags takes tags away; those that are not there are no failure. See
// [AksWebservice.AddTags].
func (s *AksWebservice) RemoveTags(ctx context.Context, names ...string) (*AksWebservice, error) {
	return removeTags[*AksWebservice](ctx, &s.Service, names)
}

// AddProperties adds properties. One that is there with another value is an error: the
// service lets properties be added, not changed. See [AksWebservice.AddTags].
func (s *AksWebservice) AddProperties(ctx context.Context, properties map[string]string) (*AksWebservice, error) {
	return addProperties[*AksWebservice](ctx, &s.Service, properties)
}

// AddTags adds tags; see [AksWebservice.AddTags].
func (s *AciWebservice) AddTags(ctx context.Context, tags map[string]string) (*AciWebservice, error) {
	return addTags[*AciWebservice](ctx, &s.Service, tags)
}

// RemoveTags takes tags away; see [AksWebservice.RemoveTags].
func (s *AciWebservice) RemoveTags(ctx context.Context, names ...string) (*AciWebservice, error) {
	return removeTags[*AciWebservice](ctx, &s.Service, names)
}

// AddProperties adds properties; see [AksWebservice.AddProperties].
func (s *AciWebservice) AddProperties(ctx context.Context, properties map[string]string) (*AciWebservice, error) {
	return addProperties[*AciWebservice](ctx, &s.Service, properties)
}

// AddTags adds tags; see [AksWebservice.AddTags].
func (s *AksEndpoint) AddTags(ctx context.Context, tags map[string]string) (*AksEndpoint, error) {
	return addTags[*AksEndpoint](ctx, &s.Service, tags)
}

// RemoveTags takes tags away; see [AksWebservice.RemoveTags].
func (s *AksEndpoint) RemoveTags(ctx context.Context, names ...string) (*AksEndpoint, error) {
	return removeTags[*AksEndpoint](ctx, &s.Service, names)
}

// AddProperties adds properties; see [AksWebservice.AddProperties].
func (s *AksEndpoint) AddProperties(ctx context.Context, properties map[string]string) (*AksEndpoint, error) {
	return addProperties[*AksEndpoint](ctx, &s.Service, properties)
}

func addTags[S Webservice](ctx context.Context, s *Service, tags map[string]string) (S, error) {
	return change[S](ctx, s, "add tags to", func(now *Service, _ *validate.Checker, p *jsonpatch.Patch) {
		merged := make(map[string]string, len(now.Tags)+len(tags))
		maps.Copy(merged, now.Tags)
		maps.Copy(merged, tags)
		if !maps.Equal(merged, now.Tags) {
			p.Replace("/kvTags", merged)
		}
	})
}

func removeTags[S Webservice](ctx context.Context, s *Service, names []string) (S, error) {
	return change[S](ctx, s, "remove tags of", func(now *Service, _ *validate.Checker, p *jsonpatch.Patch) {
		left := maps.Clone(now.Tags)
		maps.DeleteFunc(left, func(name, _ string) bool { return slices.Contains(names, name) })
		if len(left) != len(now.Tags) {
			p.Replace("/kvTags", left)
		}
	})
}

func addProperties[S Webservice](ctx context.Context, s *Service, properties map[string]string) (S, error) {
	return change[S](ctx, s, "add properties to", func(now *Service, check *validate.Checker, p *jsonpatch.Patch) {
		fresh := make(map[string]string, len(properties))
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			value := properties[name]
			switch before, is := now.Properties[name]; {
			case !is:
				fresh[name] = value
			case before != value:
				check.Addf(fmt.Sprintf("properties[%q]", name), value, "is %q already, and properties cannot be changed", before)
			}
		}
		if len(fresh) == 0 {
			return
		}
		// As the reference does, those that are there are sent again, in their order.
		for _, name := range propertyOrder(now.raw) {
			p.Add("/properties"+jsonpatch.Path(name), now.Properties[name])
		}
		p.AddEach("/properties", fresh)
	})
}

// change reads the service, lets build make a patch against what it has now, sends it
// unless it is empty, and waits until it is done.
func change[S Webservice](ctx context.Context, s *Service, operation string, build func(*Service, *validate.Checker, *jsonpatch.Patch)) (S, error) {
	now, err := refresh[S](ctx, s)
	if err != nil {
		return now, err
	}
	var check validate.Checker
	var patch jsonpatch.Patch
	build(now.Common(), &check, &patch)
	if err := check.Err(operation, s.subject()); err != nil {
		return *new(S), err
	}
	if patch.Len() == 0 {
		return now, nil
	}
	var answered Webservice
	p, err := workspace.Begin(ctx, s.ws, s.patchRequest(operation, &patch), workspace.Operation[S]{
		Kind: "change", Resource: servicePath(s.Name),
		Answered: func(status int, body []byte) string {
			// What takes effect at once is answered with the service as it is then.
			if svc, err := decode(s.ws, body); err == nil && status == http.StatusOK && svc.Common().Name == s.Name {
				answered = svc
			}
			return ""
		},
		Done: func(ctx context.Context, _ workspace.OperationStatus) (S, error) {
			if after, ok := answered.(S); ok {
				after.Common().inherit(s)
				return after, nil
			}
			return refresh[S](ctx, s)
		},
		Failed: failed(now),
	})
	if err != nil {
		return *new(S), err
	}
	return azureml.Wait(ctx, p, nil)
}
