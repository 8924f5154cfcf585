package cli

import (
	"context"
	"strings"

	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

func setupUpdateService(f *flags) action {
	name := f.text("n name", "name of the web service (required)")
	image := imageFlags(f)
	v := settingsFlags(f)
	v.sslSettings(f)
	remove := f.texts("remove-tag", "name of a tag to take away; may be repeated")
	return func(ctx context.Context, s *session) (result, error) {
		ws, svc, err := get(ctx, s, *name)
		if err != nil {
			return result{}, err
		}
		request := func() (*model.ImageRequest, error) { return image.request(ctx, s, ws, svc) }
		tags := changed(svc.Common().Tags, *v.tags, *remove)
		updated, err := updateService(ctx, s, f, svc, &v, request, tags)
		if err != nil {
			return result{}, err
		}
		return showService(updated), nil
	}
}

// updateService changes a service of any kind that can be changed. image uploads the code,
// so it is asked for last.
func updateService(ctx context.Context, s *session, f *flags, svc webservice.Webservice, v *settings, image func() (*model.ImageRequest, error), tags map[string]string) (webservice.Webservice, error) {
	o := &webservice.UpdateOptions{OnWarning: s.warn}
	switch svc := svc.(type) {
	case *webservice.AksWebservice:
		u := v.aksUpdate()
		var err error
		if u.Image, err = image(); err != nil {
			return nil, err
		}
		u.Tags = tags
		p, err := svc.BeginUpdate(ctx, u, o)
		return wait(ctx, s, p, err)
	case *webservice.AciWebservice:
		u, strange := v.aciUpdate(f)
		if len(strange) > 0 {
			return nil, usagef("a service on ACI cannot change %s", strings.Join(strange, "; "))
		}
		var err error
		if u.Image, err = image(); err != nil {
			return nil, err
		}
		u.Tags = tags
		p, err := svc.BeginUpdate(ctx, u, o)
		return wait(ctx, s, p, err)
	case *webservice.AksEndpoint:
		u, strange := v.endpointUpdate(f)
		if len(strange) > 0 {
			return nil, withHint(usagef("an endpoint as a whole cannot change %s", strings.Join(strange, "; ")),
				`its versions can: "azml help ml endpoint realtime update-version"`)
		}
		u.Tags = tags
		p, err := svc.BeginUpdate(ctx, u, o)
		return wait(ctx, s, p, err)
	}
	return nil, usagef("a service of the type %s cannot be changed by this command", svc.Common().ComputeType)
}

// request is the image that the flags ask for, nil if they ask for none. Models that are
// not named stay as they are.
func (i *imageSettings) request(ctx context.Context, s *session, ws *workspace.Workspace, svc webservice.Webservice) (*model.ImageRequest, error) {
	if !i.wanted() {
		return nil, nil
	}
	inference, err := i.inference(s)
	if err != nil {
		return nil, err
	}
	ids := *i.models
	if len(ids) == 0 {
		switch svc := svc.(type) {
		case *webservice.AksWebservice:
			ids = svc.ModelIDs
		case *webservice.AciWebservice:
			ids = svc.ModelIDs
		}
	}
	models, err := i.readModels(ctx, ws, ids)
	if err != nil {
		return nil, err
	}
	return model.PrepareImage(ctx, ws, models, inference, &model.PrepareImageOptions{
		Operation: "update", Subject: svc.Common().String(), OnWarning: s.warn,
	})
}
