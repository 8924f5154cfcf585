package webservice

import (
	"fmt"

	"github.com/azureml-go/azureml"
)

// ownVersions tells the versions of an endpoint that they are its.
func (s *AksEndpoint) ownVersions() {
	for _, v := range s.Versions {
		v.endpoint = s.Name
	}
}

// address is the name by which the service knows s: for a version of an endpoint, which
// has no keys, tokens and logs of its own, the endpoint's.
func (s *Service) address() string {
	if s.endpoint != "" {
		return s.endpoint
	}
	return s.Name
}

// standsAlone refuses what a version of an endpoint cannot do, or would do to the whole
// endpoint.
func (s *Service) standsAlone(operation string) error {
	if s.endpoint == "" {
		return nil
	}
	return &azureml.Error{
		Operation: operation, Subject: fmt.Sprintf("version %q", s.Name), Kind: azureml.ErrInvalid,
		Message: fmt.Sprintf("it is a version of the endpoint %q, not a web service of its own", s.endpoint),
		Remedy:  "Use the endpoint: BeginUpdateVersion, BeginDeleteVersion, SetTraffic, Refresh.",
	}
}
