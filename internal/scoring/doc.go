// Package scoring calls a web service's scoring address, many times and from many
// goroutines: with a key or token that it fetches once and renews, over pooled
// connections, with retries only where a call cannot have run or is declared
// idempotent. It is the only package that uses go-retryablehttp.
package scoring
