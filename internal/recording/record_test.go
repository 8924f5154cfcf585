package recording

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	realSubscription = "aaaaaaaa-1111-4222-8333-bbbbbbbbbbbb"
	fakeSubscription = "11111111-1111-1111-1111-111111111111"
	realTenant       = "cccccccc-1111-4222-8333-dddddddddddd"
	realOperation    = "eeeeeeee-1111-4222-8333-ffffffffffff"
	madeUp           = "12345678-1111-4222-8333-1234567890ab"
	pem              = "-----BEGIN PRIVATE KEY-----\\nPLANTEDpem\\n-----END PRIVATE KEY-----\\n"
	webToken         = "eyJQTEFOVEVE.PLANTEDtoken.PLANTEDsignature"
)

// world is a service full of secrets.
func world(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Secret-Header", "PLANTEDheader")
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/keys"):
		_, _ = io.WriteString(w, `{"primaryKey":"PLANTEDprimary","secondaryKey":null,"adminKubeConfig":"PLANTEDkube","sslConfiguration":{"key":"`+pem+`"},"createdBy":{"userName":"PLANTED Person"},"count":1.50}`)
	case strings.HasSuffix(r.URL.Path, "/upload"):
		_, _ = io.WriteString(w, `{"contentUri":"https://s.blob.core.windows.net/c/LocalUpload/240610T061320-944ca0ff/m.pkl?sv=1&sig=PLANTED%2Bsas&se=2","container":"240610T061320-944ca0ff"}`)
	case strings.HasSuffix(r.URL.Path, "/echo"):
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<p>no PLANTEDprimary for "+webToken+", AccountKey=PLANTEDaccount;</p>")
	case strings.HasSuffix(r.URL.Path, "/same"):
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.Copy(w, r.Body)
	case strings.HasSuffix(r.URL.Path, "/binary"):
		_, _ = w.Write([]byte{0xff, 0xfe})
	default:
		w.Header().Set("Operation-Location", "https://h/operations/"+realOperation+"?t="+webToken)
		w.WriteHeader(http.StatusAccepted)
	}
}

func recordWorld(t *testing.T, kind string, test func(p *Player)) string {
	server := httptest.NewServer(http.HandlerFunc(world))
	t.Cleanup(server.Close)
	t.Chdir(t.TempDir())
	t.Setenv(Variable, kind)
	open := func() (policy.Transporter, azcore.TokenCredential) {
		return &http.Client{Transport: toServer{server}}, fakeCredential{}
	}
	complaint := new(fakeT).run(func(t testing.TB) { test(Play(t, "world", Emulator(open), Live(open))) })
	require.Empty(t, complaint)
	data, err := os.ReadFile(filepath.Join("testdata", "recordings", "world.json"))
	require.NoError(t, err)
	return string(data)
}

// toServer sends every request to a test server, whatever its host.
type toServer struct{ *httptest.Server }

func (s toServer) RoundTrip(request *http.Request) (*http.Response, error) {
	sent := request.Clone(request.Context())
	sent.URL.Scheme = "http"
	sent.URL.Host = s.Listener.Addr().String()
	return http.DefaultTransport.RoundTrip(sent)
}

// talk is what a client says to the world; it is recorded, then played.
func talk(t *testing.T, p *Player, unique string) {
	subscription := p.Setting("REAL_SUBSCRIPTION", fakeSubscription)
	secret := p.Setting("REAL_SECRET", "fake-secret")
	base := "https://management.azure.com/subscriptions/" + subscription
	var last string
	for _, step := range [][]string{
		{"POST", base + "/keys", ``},
		{"POST", "https://login.microsoftonline.com/" + p.Setting("REAL_TENANT", "22222222-2222-2222-2222-222222222222") + "/token", "client_id=x&client_secret=" + secret + "&refresh_token=PLANTEDrefresh"},
		{"POST", base + "/upload", `{"path":"LocalUpload/240610T061320-944ca0ff/m.pkl"}`},
		{"PUT", "https://s.blob.core.windows.net/c?sig=" + p.Setting("REAL_SIG", "redacted"), "\xff\xfe"},
		{"PUT", base + "/create", `{"id":"` + unique + `","password":"PLANTEDpassword","keyValue":null}`},
		{"GET", base + "/binary", ``},
		{"POST", "https://management.azure.com/subscriptions/33333333-3333-3333-3333-333333333333/same", `as it was`},
		{"GET", base + "/echo", ``},
	} {
		headers := []string{"X-Other: PLANTEDother", "Authorization: Bearer PLANTEDbearer"}
		if strings.Contains(step[1], "sig=") {
			headers = headers[:1]
		}
		response, err := send(p, step[0], step[1], step[2], headers...)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		last = string(body)
		if location := response.Header.Get("Operation-Location"); location != "" {
			assert.Contains(t, location, "/operations/")
		}
	}
	assert.Contains(t, last, "<p>")
}

func TestRecordMasksSecretsAndIDs(t *testing.T) {
	t.Setenv("REAL_SUBSCRIPTION", realSubscription)
	t.Setenv("REAL_TENANT", realTenant)
	t.Setenv("REAL_SECRET", "PLANTED secret/1")
	t.Setenv("REAL_SIG", "PLANTEDsig")
	file := recordWorld(t, fromLive, func(p *Player) {
		subscription := p.Setting("REAL_SUBSCRIPTION", fakeSubscription)
		for _, step := range [][3]string{
			{"POST", "/keys", ``},
			{"POST", "/token", "client_id=x&client_secret=PLANTED+secret%2F1&refresh_token=PLANTEDrefresh"},
			{"POST", "/upload", `{"path":"LocalUpload/240610T061320-944ca0ff/m.pkl"}`},
			{"PUT", "/blob?sig=PLANTED%2Bsas", "\xff\xfe"},
			{"PUT", "/create", `{"id":"` + madeUp + `","password":"PLANTEDpassword","keyValue":null}`},
			{"GET", "/operations/" + realOperation, ``},
			{"GET", "/echo", ``},
			{"GET", "/binary", ``},
			{"GET", "/" + p.Setting("REAL_TENANT", "fake-tenant") + "/" + p.Setting("REAL_SECRET", "fake"), ``},
		} {
			headers := []string{"Authorization: Bearer PLANTEDbearer", "X-Other: PLANTEDother", "Content-Type: text/plain"}
			if strings.Contains(step[1], "sig=") {
				headers = headers[2:]
			}
			_, err := send(p, step[0], "https://h/subscriptions/"+subscription+strings.ReplaceAll(step[1], " ", "%20"), step[2], headers...)
			require.NoError(t, err)
		}
	})
	for _, secret := range []string{"PLANTED", "UExBTlRFRA", "PRIVATE KEY", realSubscription, realTenant, realOperation, madeUp, "944ca0ff", "240610T061320"} {
		assert.NotContains(t, file, secret)
	}
	for _, kept := range []string{
		`"source": "live"`, `"title": "TestFake"`, fakeSubscription, `"redacted-primaryKey"`, `"secondaryKey": null`, `"count": 1.50`,
		`LocalUpload/<timestamp:1>-<uuid8:1>/m.pkl`, `"container": "<timestamp:1>-<uuid8:1>"`, `sig=redacted&se=2`,
		`"id": "<uuid:2>"`, `"password": "<any>"`, `"keyValue": null`, `client_secret=<any>&refresh_token=<any>`,
		`"Authorization": "Bearer <any>"`, `"length": 2`, `"base64": "//4="`, `/operations/00000000-0000-4000-8000-000000000001`,
		`AccountKey=redacted`, "fake-tenant",
	} {
		assert.Contains(t, file, kept)
	}
	assert.Equal(t, 8, strings.Count(file, `"Authorization"`), "none beside a signature")
}

func TestRecordThenPlay(t *testing.T) {
	file := recordWorld(t, fromEmulator, func(p *Player) { talk(t, p, madeUp) })
	assert.Contains(t, file, `"source": "emulator"`)
	for _, kept := range []string{"/subscriptions/" + fakeSubscription, "/subscriptions/33333333-3333-3333-3333-333333333333"} {
		assert.Contains(t, file, kept, "the emulator's subscriptions are no secret")
	}
	assert.Equal(t, 2, strings.Count(file, `"text": "as it was"`), "bodies are passed on")

	t.Setenv(Variable, "")
	complaint := new(fakeT).run(func(tb testing.TB) { talk(t, Play(tb, "world"), "99999999-0000-4000-8000-000000000009") })
	assert.Empty(t, complaint, "another made-up id is as good")

	t.Setenv(Variable, fromLive)
	complaint = new(fakeT).run(func(tb testing.TB) { talk(t, Play(tb, "world"), madeUp) })
	assert.Empty(t, complaint, "without a source of that kind it plays")
}

func TestRecordKeepsTheFileWhenSomethingIsWrong(t *testing.T) {
	before := recordWorld(t, fromEmulator, func(p *Player) {
		_, err := send(p, "GET", "https://h/echo", "")
		require.NoError(t, err)
	})
	read := func() string {
		data, err := os.ReadFile(filepath.Join("testdata", "recordings", "world.json"))
		require.NoError(t, err)
		return string(data)
	}
	// 127.0.0.1:1 refuses connections.
	open := Emulator(func() (policy.Transporter, azcore.TokenCredential) { return http.DefaultClient, fakeCredential{} })
	new(fakeT).run(func(t testing.TB) {
		_, err := send(Play(t, "world", open), "GET", "http://127.0.0.1:1/", "")
		t.Errorf("failed: %v", err)
	})
	assert.Equal(t, before, read(), "a failed test writes nothing")

	assert.Contains(t, new(fakeT).run(func(t testing.TB) { Play(t, "world", open) }), "exchanges are missing")
	assert.Equal(t, before, read())

	leak := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "sent: bearer PLANTED") }))
	t.Cleanup(leak.Close)
	assert.Contains(t, new(fakeT).run(func(t testing.TB) { _, _ = send(Play(t, "world", open), "GET", leak.URL, "") }), "looks like holding a secret")
	assert.Equal(t, before, read(), "a secret that was not masked is not written")

	titled := strings.Replace(before, "TestFake", "a title by hand", 1)
	require.NoError(t, os.WriteFile(filepath.Join("testdata", "recordings", "world.json"), []byte(titled), 0o600))
	assert.Empty(t, new(fakeT).run(func(t testing.TB) { _, _ = send(Play(t, "world", open), "GET", "http://127.0.0.1:1/", "") }))
	assert.Contains(t, read(), `"fault": "refused"`)
	assert.Contains(t, read(), `"title": "a title by hand"`, "the title stays")
	entries, err := os.ReadDir(filepath.Join("testdata", "recordings"))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "no temporary file is left")

	t.Setenv(Variable, fromLive)
	live := Live(func() (policy.Transporter, azcore.TokenCredential) { return http.DefaultClient, fakeCredential{} })
	assert.Contains(t, new(fakeT).run(func(t testing.TB) { Play(t, "world", live).Setting("AZUREML_NOT_SET", "x") }), "set AZUREML_NOT_SET")
}

func TestScrubberFindsLeaks(t *testing.T) {
	t.Parallel()
	c := newScrubber(&settings{pairs: [][2]string{{"PLANTED-real", "fake"}, {"PLANTED-es/caped", "fake"}}}, nil)
	c.secret("PLANTED-secret")
	assert.NoError(t, c.leaks(`{"primaryKey": "redacted-primaryKey", "url": "https://h/?sig=redacted", "text": "client_secret=<any>&password=redacted"}`))
	for name, file := range map[string]string{
		"setting": `"PLANTED-real"`, "escaped": `PLANTED-es%2Fcaped`, "secret": `"xPLANTED-secretx"`, "key": `"primaryKey": "PLANTED"`,
		"signature": "?sig=PLANTED", "pem": `-----BEGIN PRIVATE KEY-----\nx`, "token": webToken,
	} {
		err := c.leaks(file)
		require.Error(t, err, name)
		assert.NotContains(t, err.Error(), "PLANTED")
	}
}
