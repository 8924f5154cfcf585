package rest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

func collect(c *Client, t *testing.T, next func(Request, Page) (Request, bool, error)) ([]string, error) {
	var names []string
	for item, err := range List[thing](t.Context(), c, Request{Operation: "list", Subject: "things", Method: "GET", URL: base + "/things?a=b"}, next) {
		if err != nil {
			return names, err
		}
		names = append(names, item.Name)
	}
	return names, nil
}

func TestListFollowsLinks(t *testing.T) {
	t.Parallel()
	s := &script{answers: []string{
		`200 {"value":[{"name":"a"},{"name":"b"}],"nextLink":"https://management.azure.com/things?page=2"}`,
		`200 {"value":[],"nextLink":"/things?page=3"}`,
		`200 {"value":[{"name":"c"}],"nextLink":null}`,
	}}
	c, _ := operationOf(s)
	names, err := collect(c, t, FollowLink)
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b", "c"}, names)
	assert.Equal(t, []string{base + "/things?a=b", base + "/things?page=2", base + "/things?page=3"}, s.urls)
}

func TestListOfTheDataPlaneTakesOnlyTheQuery(t *testing.T) {
	t.Parallel()
	s := &script{answers: []string{`200 {"value":[{"name":"a"}],"nextLink":"https://evil.example/elsewhere?$skipToken=x%2By"}`, `200 {"value":[{"name":"b"}],"nextLink":""}`}}
	c, _ := operationOf(s)
	names, err := collect(c, t, FollowQuery)
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, names)
	assert.Equal(t, base+"/things?$skipToken=x%2By", s.urls[1])
}

func TestListRefusals(t *testing.T) {
	t.Parallel()
	for link, want := range map[string]error{
		"https://evil.example/things":      azureml.ErrInvalid,
		"http://management.azure.com/x":    azureml.ErrInvalid,
		base + "/things?a=b":               azureml.ErrUnavailable, // repeats itself
		"https://management.azure.com:%zz": azureml.ErrInvalid,
	} {
		s := &script{answers: []string{`200 {"value":[{"name":"a"}],"nextLink":"` + link + `"}`}}
		c, _ := operationOf(s)
		names, err := collect(c, t, FollowLink)
		require.ErrorIs(t, err, want, link)
		assert.Equal(t, []string{"a"}, names, "what was read before is handed out")
		assert.Len(t, s.urls, 1)
	}
}

func TestListStopsEarly(t *testing.T) {
	t.Parallel()
	s := &script{answers: []string{`200 {"value":[{"name":"a"},{"name":"b"}],"nextLink":"/things?page=2"}`}}
	c, _ := operationOf(s)
	for item, err := range List[thing](t.Context(), c, Request{Method: "GET", URL: base + "/things"}, FollowLink) {
		require.NoError(t, err)
		assert.Equal(t, "a", item.Name)
		break
	}
	assert.Len(t, s.urls, 1)
}

func TestListYieldsAFailureOnce(t *testing.T) {
	t.Parallel()
	s := &script{answers: []string{`200 {"value":[{"name":"a"}],"nextLink":"/things?page=2"}`, `500 no`}}
	c, _ := operationOf(s)
	failures := 0
	for _, err := range List[thing](t.Context(), c, Request{Method: "GET", URL: base + "/things"}, FollowLink) {
		if err != nil {
			failures++
		}
	}
	assert.Equal(t, 1, failures)
}
