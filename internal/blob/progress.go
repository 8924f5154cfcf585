package blob

import (
	"io"
	"sync"
)

// progress adds up what the requests of one upload have sent.
type progress struct {
	report func(int64)

	mu    sync.Mutex
	sent  int64
	shown int64
}

// add counts n bytes, a negative number when a request starts over, and reports a total
// that is higher than all before.
func (p *progress) add(n int64) {
	if p.report == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent += n
	if p.sent > p.shown {
		p.shown = p.sent
		p.report(p.shown)
	}
}

// counted is a body that counts what is read of it.
type counted struct {
	io.ReadSeekCloser
	progress *progress
	sent     int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadSeekCloser.Read(p)
	c.sent += int64(n)
	c.progress.add(int64(n))
	return n, err
}

// Seek to the start is how a request is repeated.
func (c *counted) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart && offset == 0 {
		c.progress.add(-c.sent)
		c.sent = 0
	}
	return c.ReadSeekCloser.Seek(offset, whence)
}
