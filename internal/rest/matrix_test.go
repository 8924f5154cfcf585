package rest

import (
	"net"
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

// fault is what the server does with every request.
type fault struct {
	name string
	do   http.HandlerFunc
	dial int32 // connections that fail before the first one succeeds
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

func reset(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	if tcp, ok := conn.(interface{ NetConn() net.Conn }); ok {
		_ = tcp.NetConn().(*net.TCPConn).SetLinger(0)
		_ = tcp.NetConn().Close()
		return
	}
	_ = conn.Close()
}

func cut(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(100))
	_, _ = w.Write([]byte(`{"a":`))
}

// TestSendCounts is the matrix method × fault × class: how often the service sees a
// request that always meets the fault.
func TestSendCounts(t *testing.T) {
	t.Parallel()
	const all = 4 // azcore's three retries and the first try
	ok := status(200)
	for _, row := range []struct {
		fault
		wide, narrow, once int32
	}{
		{fault{name: "200", do: ok}, 1, 1, 1},
		{fault{name: "400", do: status(400)}, 1, 1, 1},
		{fault{name: "403", do: status(403)}, 1, 1, 1},
		{fault{name: "404", do: status(404)}, 1, 1, 1},
		{fault{name: "409", do: status(409)}, 1, 1, 1},
		{fault{name: "408", do: status(408)}, all, 1, 1},
		{fault{name: "429", do: status(429)}, all, all, 1},
		{fault{name: "429 with Retry-After", do: status(429, "Retry-After", "3600")}, all, all, 1},
		{fault{name: "500", do: status(500)}, all, 1, 1},
		{fault{name: "501", do: status(501)}, 1, 1, 1},
		{fault{name: "502", do: status(502)}, all, 1, 1},
		{fault{name: "503", do: status(503)}, all, 1, 1},
		{fault{name: "503 with Retry-After", do: status(503, "Retry-After", "1")}, all, all, 1},
		{fault{name: "504", do: status(504)}, all, 1, 1},
		{fault{name: "505", do: status(505)}, 1, 1, 1},
		{fault{name: "530", do: status(530)}, all, 1, 1},
		{fault{name: "redirect", do: status(307, "Location", "https://management.azure.com/other")}, 1, 1, 1},
		{fault{name: "reset", do: reset}, all, 1, 1},
		{fault{name: "no connection, then 200", do: ok, dial: 2}, 1, 1, 0},
	} {
		for method, classes := range map[string]map[Class]int32{
			http.MethodGet:    {Wide: row.wide, Anonymous: row.wide},
			http.MethodPut:    {Wide: row.wide, Narrow: row.narrow},
			http.MethodDelete: {Wide: row.wide},
			http.MethodPost:   {Wide: row.wide, Narrow: row.narrow, Once: row.once},
			http.MethodPatch:  {Narrow: row.narrow},
		} {
			for class, want := range classes {
				t.Run(row.name+"/"+method+"/"+strconv.Itoa(int(class)), func(t *testing.T) {
					t.Parallel()
					s := newServer(t, row.do)
					r := Request{Operation: "try", Subject: "it", Method: method, URL: base + "/x", Class: class}
					if method != http.MethodGet && method != http.MethodDelete {
						r.Body = map[string]string{"a": "b"}
					}
					_, err := s.client(s.fresh(row.dial), &tokens{}).Do(t.Context(), r, nil)
					assert.Equal(t, want, s.requests.Load(), "%v", err)
				})
			}
		}
	}
}

// TestBodyCut: what only reads is asked for again when its answer breaks off, whatever
// its method; what changes something is not.
func TestBodyCut(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		method string
		class  Class
		want   int32
	}{{http.MethodGet, Wide, 4}, {http.MethodPost, Wide, 4}, {http.MethodPost, Anonymous, 4}, {http.MethodPost, Narrow, 1}, {http.MethodPatch, Narrow, 1}} {
		s := newServer(t, cut)
		var out map[string]any
		_, err := s.client(s.fresh(0), &tokens{}).Do(t.Context(), Request{Operation: "get", Subject: "it", Method: test.method, URL: base + "/x", Class: test.class}, &out)
		require.ErrorIs(t, err, azureml.ErrUnavailable)
		assert.Equal(t, test.want, s.requests.Load(), "%s %d", test.method, test.class)
	}
}

// TestBodyIsSentWhole: every try carries the whole body.
func TestBodyIsSentWhole(t *testing.T) {
	t.Parallel()
	var sizes []int64
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		sizes = append(sizes, r.ContentLength)
		w.WriteHeader(map[bool]int{true: 200, false: 503}[len(sizes) == 3])
	})
	_, err := s.client(s.fresh(0), &tokens{}).Do(t.Context(), Request{Method: http.MethodPut, URL: base + "/x", Body: []byte("12345")}, nil)
	require.NoError(t, err)
	assert.Equal(t, []int64{5, 5, 5}, sizes)
}
