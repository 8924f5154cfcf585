package blob

import (
	"context"
	"crypto/md5" //nolint:gosec // storage's own check sum, not a protection
	"encoding/base64"
	"fmt"
	"sync"
)

// sending is what has become of a blob's blocks.
type sending struct {
	target *target
	// staged are blocks of an earlier call that may be used.
	staged map[string]int64
	// blocks are those read so far. Their ids are all there when all have been sent.
	blocks  []*block
	kept    int64
	differs bool
}

// block is a part of a blob.
type block struct {
	number int
	sum    [md5.Size]byte
	id     string
}

// name gives the block its hash and its id, which holds the number and the hash. All ids
// of a blob have the same length, as storage demands.
func (b *block) name(sum [md5.Size]byte) {
	b.sum = sum
	b.id = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%05d-%x", b.number, sum))
}

// sendBlocks sends first and all that follows as blocks, as many at once as there are
// buffers. Blocks that storage has from an earlier call are read, but not sent.
func (u *Uploader) sendBlocks(ctx context.Context, t *target, in *source, first []byte) (*sending, error) {
	s := &sending{target: t}
	if t.up.Resume {
		staged, err := t.staged(ctx)
		if err != nil {
			u.give(first)
			return nil, err
		}
		s.staged = staged
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	var once sync.Once
	var broken error
	failed := s.each(ctx, in, first, func(b *block, content []byte) {
		group.Go(func() {
			if err := s.stage(ctx, b, content); err != nil {
				// Before the buffer is given back: no other block goes out after this.
				once.Do(func() { broken = err })
				stop()
			}
			u.give(content)
		})
	})
	group.Wait()
	// A block that failed has ended the context, by which reading stopped, too: the
	// block's error is the one that says why.
	if broken != nil {
		return nil, broken
	}
	return s, failed
}

// stage sends a block.
func (s *sending) stage(ctx context.Context, b *block, content []byte) error {
	if b.id == "" {
		b.name(md5.Sum(content)) //nolint:gosec // see above
	}
	if err := s.target.stage(ctx, b.id, content, b.sum); err != nil {
		return err
	}
	s.target.got(b)
	return nil
}

// each reads block after block, beginning with the one that has been read, and hands on
// those that storage does not have.
func (s *sending) each(ctx context.Context, in *source, content []byte, send func(*block, []byte)) error {
	u := s.target.uploader
	for {
		b := &block{number: len(s.blocks)}
		s.blocks = append(s.blocks, b)
		if s.add(in, b, content) {
			s.kept += int64(len(content))
			s.target.progress.add(int64(len(content)))
			s.target.got(b)
			u.give(content)
		} else {
			send(b, content)
		}
		if in.ended() {
			return nil
		}
		if len(s.blocks) == MaxBlocks {
			return fmt.Errorf("it is larger than %d blocks", MaxBlocks)
		}
		size := u.sizeOf(len(s.blocks), s.target.up.Size)
		buffer, err := u.take(ctx, size, size)
		if err != nil {
			return err
		}
		if content, err = in.fill(ctx, buffer); err != nil {
			u.give(buffer)
			return err
		}
	}
}

// add adds a block to the hash of the whole, and tells whether storage has it from an
// earlier call. Its own hash is left to the goroutine that sends it, unless it is needed
// to tell.
func (s *sending) add(in *source, b *block, content []byte) bool {
	earlier := ""
	if b.number < len(s.target.up.Earlier) {
		earlier = s.target.up.Earlier[b.number]
	}
	if s.differs || earlier == "" && len(s.staged) == 0 {
		in.add(content)
		return false
	}
	b.name(in.hashed(content))
	if earlier != "" && earlier != b.id {
		s.differs, s.staged = true, nil
	}
	there, ok := s.staged[b.id]
	return ok && there == int64(len(content))
}

// ids are those of all blocks, in order.
func (s *sending) ids() []string {
	ids := make([]string, len(s.blocks))
	for i, b := range s.blocks {
		ids[i] = b.id
	}
	return ids
}

// got tells that storage has a block.
func (t *target) got(b *block) {
	if t.up.Staged != nil {
		t.up.Staged(b.number, b.id)
	}
}
