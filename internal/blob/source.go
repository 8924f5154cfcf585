package blob

import (
	"context"
	"crypto/md5" //nolint:gosec // storage's own check sum, not a protection
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
)

// ErrChanged is wrapped by the error of content that changed while it was uploaded.
var ErrChanged = errors.New("the content changed while it was being uploaded")

// source reads content from front to back and hashes it, with one byte of look-ahead by
// which it knows whether a block was the last one.
type source struct {
	reader io.Reader
	hash   hash.Hash
	size   int64
	ahead  [1]byte
	peeked bool
	end    bool
}

// readAtOnce bounds one read, so that a cancelled upload stops soon.
const readAtOnce = 1 << 20

// fill reads the next block into buffer and gives the part of it that was filled, which
// is then to be hashed.
func (s *source) fill(ctx context.Context, buffer []byte) ([]byte, error) {
	n := 0
	if s.peeked {
		buffer[0], s.peeked, n = s.ahead[0], false, 1
	}
	for n < len(buffer) && !s.end {
		read, err := s.read(ctx, buffer[n:min(len(buffer), n+readAtOnce)])
		n += read
		if err != nil {
			return buffer[:0], err
		}
	}
	s.size += int64(n)
	for !s.end && !s.peeked {
		read, err := s.read(ctx, s.ahead[:])
		if err != nil {
			return buffer[:0], err
		}
		s.peeked = read == 1
	}
	return buffer[:n], nil
}

// hashed adds a block to the hash of the whole and gives its own. The two are made side
// by side.
func (s *source) hashed(block []byte) (sum [md5.Size]byte) {
	var whole sync.WaitGroup
	whole.Go(func() { s.add(block) })
	sum = md5.Sum(block) //nolint:gosec // see above
	whole.Wait()
	return sum
}

// add adds a block to the hash of the whole.
func (s *source) add(block []byte) {
	if s.hash == nil {
		s.hash = md5.New() //nolint:gosec // see above
	}
	s.hash.Write(block)
}

// read is one read that notes the end.
func (s *source) read(ctx context.Context, p []byte) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.reader.Read(p)
	if errors.Is(err, io.EOF) {
		s.end, err = true, nil
	}
	return n, err
}

// ended tells that everything has been read.
func (s *source) ended() bool { return s.end && !s.peeked }

// check tells of content that is not what was promised.
func (s *source) check(up Upload) error {
	if up.Size >= 0 && s.size != up.Size {
		return fmt.Errorf("%w: it has %d bytes and not %d", ErrChanged, s.size, up.Size)
	}
	if up.Check != nil {
		return up.Check()
	}
	return nil
}

func (s *source) result() Result { return Result{Size: s.size, MD5: [md5.Size]byte(s.hash.Sum(nil))} }
