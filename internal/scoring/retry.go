package scoring

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/azureml-go/azureml/internal/rest"
)

// checkRetry decides whether a try is followed by another one: when the call cannot
// have run (no connection, 429, 503), or, if it is declared idempotent, when it may
// have run but the answer is lost. A script that failed would fail again.
func checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	c, ok := ctx.(*call)
	switch {
	case !ok || ctx.Err() != nil:
		return false, nil //nolint:nilerr // the error of the try is returned by the sender
	case err != nil:
		return notSent(err) || c.idempotent && isLost(err), nil
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
	case http.StatusRequestTimeout, http.StatusBadGateway, http.StatusGatewayTimeout:
		if !c.idempotent {
			return false, nil
		}
	default:
		return false, nil
	}
	if scriptFailed(resp.Header) {
		return false, nil
	}
	// A pause that outlasts the caller would only hide this answer from it.
	if deadline, ok := ctx.Deadline(); ok && rest.RetryAfter(resp.Header) > time.Until(deadline) {
		return false, nil
	}
	return true, nil
}

// notSent tells of a failure before anything was sent.
func notSent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && (op.Op == "dial" || op.Op == "proxyconnect")
}

// isLost tells of a failure after which another try can do better.
func isLost(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return false
	}
	return !errors.Is(err, errTooLarge)
}

// backoff is the pause before the next try: what the service asks for, or twice as
// long each time, give or take a quarter; never more than longest.
func backoff(shortest, longest time.Duration, done int, resp *http.Response) time.Duration {
	if resp != nil {
		if asked := rest.RetryAfter(resp.Header); asked > 0 {
			return min(asked, longest)
		}
	}
	pause := longest
	if done < 16 {
		pause = min(shortest<<done, longest)
	}
	jitter := 0.75 + rand.Float64()/2
	return min(time.Duration(float64(pause)*jitter), longest)
}

// scriptFailed tells that the service says that its script failed.
func scriptFailed(h http.Header) bool {
	return strings.EqualFold(h.Get("X-Ms-Run-Function-Failed"), "true")
}
