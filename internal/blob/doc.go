// Package blob uploads files to storage addresses that carry their own right (SAS), and
// downloads them.
//
// Content up to [BlockSize] goes out as one blob, larger content as blocks, several at
// once, that a last request joins. Everything is read once, from front to back, into a
// fixed number of buffers, so that memory stays the same however large the content is
// and so that a repeated request sends the same bytes. A block's id holds its number
// and its hash: blocks that storage has already can be told from those that changed.
//
// A download is one stream. When its connection breaks, the rest is asked for on
// condition that the blob is still the same.
//
// No access token ever goes to storage, the address is used byte for byte, and no
// error shows its signature.
package blob
