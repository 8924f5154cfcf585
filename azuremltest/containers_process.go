package azuremltest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// runnerText is the program that runs programs.
//
//go:embed runner.py
var runnerText string

// maxUnpacked is how much an archive may hold.
const maxUnpacked = 1 << 30

// scriptProcess is a program at work.
type scriptProcess struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   io.ReadCloser
	log   *logTail
	ended chan struct{}
}

// startScript starts a program in its folder, in a process group of its own.
func startScript(python, dir, program string, env []string, log *logTail) (*scriptProcess, error) {
	cmd := exec.Command(python, "-c", runnerText, program)
	cmd.Dir, cmd.Env, cmd.Stderr, cmd.WaitDelay = dir, env, log, time.Second
	ownGroup(cmd)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	log.forget()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &scriptProcess{cmd: cmd, in: in, out: out, log: log, ended: make(chan struct{})}, nil
}

// kill ends the process and all that it has started, and waits for it.
func (p *scriptProcess) kill() {
	if p.gone() {
		return
	}
	killGroup(p.cmd)
	_ = p.cmd.Wait() // that it was killed is no news
	close(p.ended)
}

// gone reports whether kill has been called.
func (p *scriptProcess) gone() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// send writes a frame.
func (p *scriptProcess) send(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = p.in.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), data...)) //nolint:gosec // bodies are at most maxBody
	return err
}

// receive reads a frame; when the context ends, the process does.
func (p *scriptProcess) receive(ctx context.Context, v any) error {
	defer context.AfterFunc(ctx, func() { killGroup(p.cmd) })()
	var head [4]byte
	if _, err := io.ReadFull(p.out, head[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxBody {
		return fmt.Errorf("the answer has %d bytes, more than %d", n, maxBody)
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(p.out, data); err != nil {
		return err
	}
	p.log.settle()
	return json.Unmarshal(data, v)
}

// unpack writes the files of the image into a new folder.
func (c *container) unpack() error {
	dir, err := os.MkdirTemp("", "azuremltest-")
	if err != nil {
		return err
	}
	c.dir = dir
	if err := os.Mkdir(filepath.Join(dir, appFolder), 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(filepath.Join(dir, appFolder)) // nothing is written elsewhere, whatever a name says
	if err != nil {
		return err
	}
	defer root.Close()
	for _, a := range c.assets {
		if a.unpack {
			err = unpackInto(root, a.content.bytes())
		} else {
			err = writeInto(root, a.name, bytes.NewReader(a.content.bytes()))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
	}
	for _, p := range sortedKeys(c.models) {
		if err := writeInto(root, "azureml-models/"+p, bytes.NewReader(c.models[p].bytes())); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	return nil
}

// writeInto writes a file and the folders on the way.
func writeInto(root *os.Root, name string, content io.Reader) error {
	name = filepath.FromSlash(name)
	if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := root.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}

// unpackInto writes the files of an archive, a tar that may be compressed.
func unpackInto(root *os.Root, content []byte) error {
	var r io.Reader = bytes.NewReader(content)
	if unzipped, err := gzip.NewReader(bytes.NewReader(content)); err == nil {
		r = unzipped
	}
	archive, left := tar.NewReader(r), int64(maxUnpacked)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(h.Name, "./")
		switch h.Typeflag {
		case tar.TypeDir:
			if name = strings.TrimSuffix(name, "/"); name != "" && name != "." {
				err = root.MkdirAll(filepath.FromSlash(name), 0o700)
			}
		case tar.TypeReg:
			if left -= h.Size; left < 0 {
				return fmt.Errorf("the archive holds more than %d bytes", int64(maxUnpacked))
			}
			err = writeInto(root, name, archive)
		}
		if err != nil {
			return err
		}
	}
}
