package model

import (
	"context"
	"iter"
	"maps"
	"net/url"
	"strconv"

	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// OrderBy is the order of a list of models.
type OrderBy string

// The orders; the service's default is that of the newest first.
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

const (
	// minPageSize and maxPageSize are what the service takes.
	minPageSize, maxPageSize = 20, 255
	// skipToken is the query parameter that names a page.
	skipToken = "$skipToken"
)

// ListOptions choose what [List] gives. A model must fit all that are set.
type ListOptions struct {
	// Name of the models; all versions of it are given.
	Name string
	// Framework that they are of.
	Framework Framework
	// Tags that they have; a value of "" takes any.
	Tags map[string]string
	// Properties that they have; a value of "" takes any.
	Properties map[string]string
	// RunID of the run that made them.
	RunID string
	// DatasetID is of a dataset that they were trained or tested with.
	DatasetID string
	// Description that they have, word for word.
	Description string
	// LatestVersionOnly gives of each name the version with the highest number only.
	LatestVersionOnly bool
	// OrderBy is the order; empty is the service's, the newest first.
	OrderBy OrderBy
	// PageSize is how many the service sends at once, 20 to 255; 0 is 255.
	PageSize int
}

// List gives the models of the workspace page by page as the loop asks for them: with
// all their versions, unless the options say otherwise. A failure is yielded once, with
// a nil model, and ends the list. It mirrors azureml.core's Model.list, without its
// further requests for each model.
//
// Errors: ErrInvalid, and those of every call.
func List(ctx context.Context, ws *workspace.Workspace, o *ListOptions) iter.Seq2[*Model, error] {
	var options ListOptions
	if o != nil {
		options = *o
	}
	return func(yield func(*Model, error) bool) {
		if err := options.check(); err != nil {
			yield(nil, err)
			return
		}
		request := workspace.Request{
			Service: workspace.ModelManagement, Operation: "list", Subject: "models", Path: "models", Query: options.query(),
		}
		for w, err := range workspace.List[*modelAnswer](ctx, ws, request, nextModels) {
			switch {
			case err != nil:
				yield(nil, err)
				return
			case w == nil:
				continue
			}
			if !yield(w.model(ws), nil) {
				return
			}
		}
	}
}

// nextModels asks the same again from the place that the page names. A page that names
// its own place is the last one.
func nextModels(r workspace.Request, page workspace.Page) (workspace.Request, bool) {
	parameter, token := skipToken, page.ContinuationToken
	if link, err := url.Parse(page.NextLink); err == nil && page.NextLink != "" {
		query := link.Query()
		token = query.Get(skipToken)
		if offset := query.Get("offset"); token == "" && offset != "" {
			parameter, token = "offset", offset
		}
	}
	if token == "" || token == r.Query.Get(parameter) {
		return r, false
	}
	r.Query = maps.Clone(r.Query)
	r.Query.Set(parameter, token)
	return r, true
}

func (o ListOptions) check() error {
	var c validate.Checker
	if o.Name != "" {
		checkName(&c, o.Name)
	}
	checkFilter(&c, "Tags", o.Tags)
	checkFilter(&c, "Properties", o.Properties)
	validate.OneOf(&c, "OrderBy", o.OrderBy, PossibleOrderByValues()...)
	if o.PageSize != 0 && (o.PageSize < minPageSize || o.PageSize > maxPageSize) {
		c.Addf("PageSize", o.PageSize, "must be from %d to %d, or 0 for the default", minPageSize, maxPageSize)
	}
	return c.Err("list", "models")
}

func (o ListOptions) query() url.Values {
	query := GetOptions{Tags: o.Tags, Properties: o.Properties, Framework: o.Framework, RunID: o.RunID}.query()
	set := func(key, value string) {
		if value != "" {
			query.Set(key, value)
		}
	}
	set("name", o.Name)
	set("datasetId", o.DatasetID)
	set("description", o.Description)
	set("orderBy", string(o.OrderBy))
	query.Set("latestVersionOnly", strconv.FormatBool(o.LatestVersionOnly))
	size := o.PageSize
	if size == 0 {
		size = maxPageSize
	}
	query.Set("count", strconv.Itoa(size))
	return query
}
