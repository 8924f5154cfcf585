package model_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/azuremltest"
)

const (
	// azuriteVariable holds the program azurite-blob, if it is not in PATH.
	azuriteVariable = "AZUREML_AZURITE"
	azuriteAccount  = "mlstorage"
	azuriteVersion  = "2021-08-06"
)

// azurite is a real blob server: Microsoft's own emulator of Azure storage.
type azurite struct {
	url string
	key []byte

	mu  sync.Mutex
	log []string
}

// startAzurite starts one, strict as it is by default, and makes its container.
func startAzurite(t *testing.T) *azurite {
	t.Helper()
	program := os.Getenv(azuriteVariable)
	if program == "" {
		var err error
		if program, err = exec.LookPath("azurite-blob"); err != nil {
			missing := "azurite-blob, the program of the npm package azurite, is neither in PATH nor in " + azuriteVariable
			if os.Getenv("CI") != "" {
				t.Fatal(missing)
			}
			t.Skip(missing)
		}
	}
	a := &azurite{key: make([]byte, 64)}
	_, _ = rand.Read(a.key)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().(*net.TCPAddr)
	require.NoError(t, free.Close())
	a.url = "http://" + address.String() + "/" + azuriteAccount
	cmd := exec.Command(program, "--blobHost", "127.0.0.1", "--blobPort", strconv.Itoa(address.Port), "--location", t.TempDir(), "--disableTelemetry")
	cmd.Env = append(os.Environ(), "AZURITE_ACCOUNTS="+azuriteAccount+":"+base64.StdEncoding.EncodeToString(a.key))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = cmd.Stdout
	require.NoError(t, cmd.Start())
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			a.mu.Lock()
			a.log = append(a.log, lines.Text())
			a.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-read
		_ = cmd.Wait()
	})
	require.Eventually(t, func() bool {
		resp, err := a.do(t.Context(), http.MethodPut, a.url+"/azureml?restype=container&"+a.accountSAS())
		return err == nil && resp.StatusCode == http.StatusCreated
	}, time.Minute, 100*time.Millisecond, "Azurite does not start")
	return a
}

// do sends a request without a body and gives the answer with its body read.
func (a *azurite) do(ctx context.Context, method, address string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("x-ms-version", azuriteVersion)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := io.Copy(&body, io.LimitReader(resp.Body, 1<<20)); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(&body)
	return resp, nil
}

func (a *azurite) sign(fields ...string) string {
	m := hmac.New(sha256.New, a.key)
	m.Write([]byte(strings.Join(fields, "\n")))
	return url.QueryEscape(base64.StdEncoding.EncodeToString(m.Sum(nil)))
}

func expiryIn(d time.Duration) string { return time.Now().Add(d).UTC().Format("2006-01-02T15:04:05Z") }

// accountSAS signs the right to make containers.
func (a *azurite) accountSAS() string {
	end := expiryIn(time.Hour)
	signature := a.sign(azuriteAccount, "rwdlc", "b", "sco", "", end, "", "", azuriteVersion, "", "")
	return "sv=" + azuriteVersion + "&ss=b&srt=sco&sp=rwdlc&se=" + url.QueryEscape(end) + "&sig=" + signature
}

// blob is the address of a blob with the rights that the artifact service gives.
func (a *azurite) blob(name string) string {
	end := expiryIn(time.Hour)
	signature := a.sign("rcw", "", end, "/blob/"+azuriteAccount+"/azureml/"+name, "", "", "", azuriteVersion, "b", "", "", "", "", "", "", "")
	return a.url + "/azureml/" + name + "?sv=" + azuriteVersion + "&sr=b&sp=rcw&se=" + url.QueryEscape(end) + "&sig=" + signature
}

// blocks counts the blocks that it has taken.
func (a *azurite) blocks() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, line := range a.log {
		if strings.Contains(line, "comp=block&") && strings.Contains(line, `HTTP/1.1" 201`) {
			n++
		}
	}
	return n
}

// sparse makes a file of which no two blocks are the same, without filling the disk, and
// gives its MD5.
func sparse(t *testing.T, name string, size int64) (path string, sum []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, f.Truncate(size))
	page := random(4 << 10)
	for at := int64(0); at < size; at += 4 << 20 {
		copy(page, fmt.Sprintf("%016x", at))
		_, err := f.WriteAt(page[:min(int64(len(page)), size-at)], at)
		require.NoError(t, err)
	}
	h := md5.New()
	_, err = io.Copy(h, io.NewSectionReader(f, 0, size))
	require.NoError(t, err)
	return path, h.Sum(nil)
}

// verify compares what is stored with the file.
func (a *azurite) verify(t *testing.T, name string, size int64, sum []byte) {
	t.Helper()
	resp, err := a.do(t.Context(), http.MethodHead, a.blob(name))
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Equal(t, size, resp.ContentLength)
	assert.Equal(t, base64.StdEncoding.EncodeToString(sum), resp.Header.Get("Content-MD5"))
	whole, err := http.Get(a.blob(name))
	require.NoError(t, err)
	defer whole.Body.Close()
	h := md5.New()
	_, err = io.Copy(h, whole.Body)
	require.NoError(t, err)
	assert.Equal(t, sum, h.Sum(nil), "the stored bytes are others")
}

func heavy(t *testing.T) {
	t.Helper()
	if os.Getenv("AZUREML_HEAVY") != "1" {
		t.Skip("large files and another program; AZUREML_HEAVY=1 runs it")
	}
}

const mebi = 1 << 20

// TestHeavyUploadMemory: a process that uploads needs the same memory whatever the size
// of the file, to a real blob server.
func TestHeavyUploadMemory(t *testing.T) {
	heavy(t)
	if runtime.GOOS != "linux" {
		t.Skip("peak memory is measured on Linux")
	}
	srv, _ := emulated(t)
	store := startAzurite(t)
	const most = 96 * mebi
	for _, size := range []int64{128 * mebi, 1024 * mebi} {
		name := fmt.Sprintf("of-%d-MiB.bin", size/mebi)
		path, sum := sparse(t, name, size)
		start := time.Now()
		cmd, out := jobFor(srv, job{Name: "large", Path: path, Storage: map[string]string{name: store.blob(name)}}).child(t)
		require.NoError(t, cmd.Wait(), "%s", out)
		took := time.Since(start)
		found := regexp.MustCompile(`peak RSS (\d+)`).FindStringSubmatch(out.String())
		require.NotNil(t, found, "%s", out)
		peak, err := strconv.ParseInt(found[1], 10, 64)
		require.NoError(t, err)
		t.Logf("%5d MiB to Azurite: peak RSS %.1f MiB (at most %d), %.1f s, %.0f MiB/s",
			size/mebi, float64(peak)/1024, most/mebi, took.Seconds(), float64(size/mebi)/took.Seconds())
		assert.LessOrEqual(t, peak*1024, int64(most))
		assert.NotZero(t, peak)
		store.verify(t, name, size, sum)
		require.NoError(t, os.Remove(path))
	}
}

// TestHeavyKillAndResume: kill -9 in the middle of an upload to a real blob server; a new
// process sends the blocks that are missing and no other.
func TestHeavyKillAndResume(t *testing.T) {
	heavy(t)
	srv, ws := emulated(t)
	store := startAzurite(t)
	const size, blocks = 256*mebi + 5, 33
	path, sum := sparse(t, "killed.bin", size)
	checkpoint := filepath.Join(t.TempDir(), "checkpoint")
	j := jobFor(srv, job{Name: "killed", Path: path, Checkpoint: checkpoint, Storage: map[string]string{"killed.bin": store.blob("killed.bin")}})

	cmd, out := j.child(t)
	require.Eventually(t, func() bool { return store.blocks() >= 10 }, time.Minute, time.Millisecond, "%s", out)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	// What was under way comes to its end.
	time.Sleep(time.Second)
	resp, err := store.do(t.Context(), http.MethodGet, store.blob("killed.bin")+"&comp=blocklist&blocklisttype=uncommitted")
	require.NoError(t, err)
	list, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	there := strings.Count(string(list), "<Name>")
	require.Greater(t, there, 5, "%s", list)
	require.Less(t, there, blocks)

	before := store.blocks()
	cmd, out = j.child(t)
	require.NoError(t, cmd.Wait(), "%s", out)
	sent := store.blocks() - before
	t.Logf("killed with %d of %d blocks stored; the new process sent %d", there, blocks, sent)
	assert.Equal(t, blocks-there, sent)
	store.verify(t, "killed.bin", size, sum)
	_, err = os.Stat(checkpoint)
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.Equal(t, 1, asked(srv, http.MethodPost, "/models"))
	assert.Equal(t, azuremltest.WorkspaceName, ws.Name)
}
