package scoring

import (
	"errors"
	"io"
	"sync"

	"github.com/hashicorp/go-retryablehttp"
)

// replay gives a caller's reader to one try after the other. A transport may go on
// reading for a try that is over (the service had answered early), so each try has a
// turn that ends with the next one's beginning, or with the call.
type replay struct {
	mu     sync.Mutex
	source io.ReadSeeker
	turn   int
}

var errOver = errors.New("the try is over")

// setReader makes a reader the body; its length is sent ahead.
func setReader(request *retryablehttp.Request, r *replay) error {
	length, err := r.source.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if err := request.SetBody(retryablehttp.ReaderFunc(r.begin)); err != nil {
		return err
	}
	request.ContentLength = length
	return nil
}

// begin goes back to the beginning for the next try.
func (r *replay) begin() (io.Reader, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn++
	if _, err := r.source.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return &turn{r, r.turn}, nil
}

// end takes the reader away from the last try, and so gives it back to the caller.
func (r *replay) end() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn++
}

type turn struct {
	*replay
	number int
}

// Read reads while it is this try's turn.
func (t *turn) Read(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.number != t.turn {
		return 0, errOver
	}
	return t.source.Read(p)
}

// stream is an answer that gives the reader back when it is closed.
type stream struct {
	io.ReadCloser
	replay *replay
}

// Close ends the call.
func (s *stream) Close() error {
	s.replay.end()
	return s.ReadCloser.Close()
}
