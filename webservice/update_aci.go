package webservice

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml/internal/jsonpatch"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/model"
)

// AciUpdate says what to change of an [AciWebservice]. What is nil stays as it is; zero
// values can be set. CPU, memory, region, DNS label, network and encryption cannot be
// changed: deploy it again with Overwrite.
type AciUpdate struct {
	// Image is what runs from now on, made by model.PrepareImage.
	Image *model.ImageRequest
	// ImageID is the image of a service that was made from one.
	ImageID *string
	// Tags replace all tags; an empty map takes them all away.
	Tags map[string]string
	// Properties are added; those that are there cannot be changed.
	Properties  map[string]string
	Description *string
	AuthEnabled *bool
	// SSLEnabled switches https on or off. SSL gives host name, certificate and key,
	// each of which may be left out; it needs https to be on after the change.
	SSLEnabled        *bool
	SSL               *AciSslConfiguration
	EnableAppInsights *bool
}

// BeginUpdate changes the service, which restarts. Errors are those of
// [AksWebservice.BeginUpdate]. It mirrors azureml.core's update.
func (s *AciWebservice) BeginUpdate(ctx context.Context, u AciUpdate, o *UpdateOptions) (*runtime.Poller[*AciWebservice], error) {
	var check validate.Checker
	var patch jsonpatch.Patch
	if o == nil || o.ResumeToken == "" {
		patch = u.patch(&check, s)
		checkEmpty(&check, &patch)
	}
	if err := check.Err("update", s.subject()); err != nil {
		return nil, err
	}
	return beginUpdate(ctx, s, &patch, o)
}

// patch checks the change and builds the patch in the contract's order (webservice §7.2).
func (u AciUpdate) patch(check *validate.Checker, s *AciWebservice) jsonpatch.Patch {
	var p jsonpatch.Patch
	checkImage(check, u.Image, u.ImageID, s.ImageID, s.Environment)
	if u.Image != nil {
		p.Replace("/environmentImageRequest", u.Image)
	}
	jsonpatch.Set(&p, "/imageId", u.ImageID)
	if u.Tags != nil {
		p.Replace("/kvTags", u.Tags)
	}
	p.AddEach("/properties", u.Properties)
	jsonpatch.Set(&p, "/description", u.Description)
	jsonpatch.Set(&p, "/authEnabled", u.AuthEnabled)
	jsonpatch.Set(&p, "/sslEnabled", u.SSLEnabled)
	if u.SSL != nil {
		if !isTrue(or(u.SSLEnabled, s.SSLEnabled)) {
			check.Add("SSL", nil, "needs SSLEnabled to be true")
		}
		check.In("SSL", func(check *validate.Checker) { u.SSL.patch(check, &p) })
	}
	jsonpatch.Set(&p, "/appInsightsEnabled", u.EnableAppInsights)
	return p
}

func (s *AciSslConfiguration) patch(check *validate.Checker, p *jsonpatch.Patch) {
	if s.CertPEM != "" || s.CertPEMFile != "" {
		cert, _ := validate.PEM(check, "CertPEM", s.CertPEM, "CertPEMFile", s.CertPEMFile)
		p.Replace("/sslCertificate", cert)
	}
	if !s.KeyPEM.IsZero() || s.KeyPEMFile != "" {
		p.Replace("/sslKey", s.key(check))
	}
	if s.CName != "" {
		p.Replace("/cname", s.CName)
	}
}
