package webservice

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"strings"

	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// OrderBy is the order of a list of web services.
type OrderBy string

// The orders; the service's default is that of the latest change first.
const (
	OrderByCreatedAtDesc OrderBy = "CreatedAtDesc"
	OrderByCreatedAtAsc  OrderBy = "CreatedAtAsc"
	OrderByUpdatedAtDesc OrderBy = "UpdatedAtDesc"
	OrderByUpdatedAtAsc  OrderBy = "UpdatedAtAsc"
)

// PossibleOrderByValues returns the values of [OrderBy].
func PossibleOrderByValues() []OrderBy {
	return []OrderBy{OrderByCreatedAtDesc, OrderByCreatedAtAsc, OrderByUpdatedAtDesc, OrderByUpdatedAtAsc}
}

// ListOptions choose what [List] gives. A service must fit all that are set.
type ListOptions struct {
	// Name of the service.
	Name string
	// ComputeType is the kind: AKS, ACI, AKSENDPOINT, IOT or MIR.
	ComputeType ComputeType
	// ImageName, ImageID and ImageDigest are of the image that it was made from.
	ImageName   string
	ImageID     string
	ImageDigest string
	// ModelName or ModelID ("name:version") is of a model in it.
	ModelName string
	ModelID   string
	// Tags and Properties that it has: "name" for any value, or "name=value". They
	// must not hold a comma, which the service takes as the end of one.
	Tags       []string
	Properties []string
	// OrderBy is the order.
	OrderBy OrderBy
	// PageSize is how many the service sends at once; 0 leaves it to the service.
	PageSize int
}

// List gives the web services of the workspace, of all kinds, page by page as the
// loop asks for them. A failure is yielded once, with a nil service, and ends the
// list. It mirrors azureml.core's Webservice.list.
func List(ctx context.Context, ws *workspace.Workspace, o *ListOptions) iter.Seq2[Webservice, error] {
	var options ListOptions
	if o != nil {
		options = *o
	}
	return func(yield func(Webservice, error) bool) {
		if err := options.check(); err != nil {
			yield(nil, err)
			return
		}
		request := workspace.Request{
			Service: workspace.ModelManagement, Operation: "list", Subject: "web services",
			Path: "services", Query: options.query(),
		}
		for wire, err := range workspace.List[wireService](ctx, ws, request, nil) {
			if err != nil {
				yield(nil, err)
				return
			}
			svc, err := wire.service(ws)
			if err != nil {
				// What is no description of a service must not hide the others.
				continue
			}
			if !yield(svc, nil) {
				return
			}
		}
	}
}

func (o ListOptions) check() error {
	var check validate.Checker
	if o.ComputeType != "" {
		validate.OneOf(&check, "ComputeType", ComputeType(strings.ToUpper(string(o.ComputeType))), PossibleComputeTypeValues()...)
	}
	validate.OneOf(&check, "OrderBy", o.OrderBy, PossibleOrderByValues()...)
	validate.Positive(&check, "PageSize", o.PageSize)
	for _, filter := range []struct {
		field string
		items []string
	}{{"Tags", o.Tags}, {"Properties", o.Properties}} {
		for i, item := range filter.items {
			if item == "" || strings.HasPrefix(item, "=") || strings.Contains(item, ",") {
				check.Add(fmt.Sprintf("%s[%d]", filter.field, i), item, `must be "name" or "name=value", without a comma`)
			}
		}
	}
	return check.Err("list", "web services")
}

func (o ListOptions) query() url.Values {
	query := url.Values{"expand": {"true"}}
	set := func(key, value string) {
		if value != "" {
			query.Set(key, value)
		}
	}
	set("name", o.Name)
	set("computeType", string(o.ComputeType))
	set("imageName", o.ImageName)
	set("imageId", o.ImageID)
	set("modelName", o.ModelName)
	set("modelId", o.ModelID)
	set("tags", strings.Join(o.Tags, ","))
	set("properties", strings.Join(o.Properties, ","))
	set("imageDigest", o.ImageDigest)
	set("orderby", string(o.OrderBy))
	if o.PageSize > 0 {
		set("count", strconv.Itoa(o.PageSize))
	}
	return query
}
