package blob

import (
	"context"
	"crypto/md5" //nolint:gosec // storage's own check sum, not a protection
	"encoding/base64"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// sendBlocks sends first and all that follows as blocks, as many at once as there are
// buffers, and gives their ids in order.
func (u *Uploader) sendBlocks(ctx context.Context, t *target, in *source, first []byte) ([]string, error) {
	group, ctx := errgroup.WithContext(ctx)
	var ids []string
	var failed error
	send := func(block []byte) {
		sum := md5.Sum(block) //nolint:gosec // see above
		id := blockID(len(ids), sum)
		ids = append(ids, id)
		group.Go(func() error {
			defer u.give(block)
			return t.stage(ctx, id, block, sum)
		})
	}
	send(first)
	for !in.ended() {
		if len(ids) == MaxBlocks {
			failed = fmt.Errorf("it is larger than %d blocks of %d MiB", MaxBlocks, BlockSize>>20)
			break
		}
		buffer, err := u.take(ctx, BlockSize)
		if err != nil {
			failed = err
			break
		}
		block, err := in.fill(ctx, buffer)
		if err != nil {
			u.give(buffer)
			failed = err
			break
		}
		send(block)
	}
	// A block that failed ends the context, by which reading stops, too: the block's
	// error is the one that says why.
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return ids, failed
}

// blockID names a block by its number and hash. All ids of a blob have the same length,
// as storage demands.
func blockID(number int, sum [md5.Size]byte) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%05d-%x", number, sum))
}
