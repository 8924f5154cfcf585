package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// Fault is what happened on the connection instead of an answer.
type Fault string

// The faults that recordings know.
const (
	// FaultReset: the peer reset the connection after the request was written.
	FaultReset Fault = "reset"
	// FaultClosed: the peer closed the connection without an answer.
	FaultClosed Fault = "closed"
	// FaultTimeout: no answer came in time.
	FaultTimeout Fault = "timeout"
	// FaultRefused: no connection could be made, so nothing was sent.
	FaultRefused Fault = "refused"
)

// PossibleFaults lists the known faults.
func PossibleFaults() []Fault {
	return []Fault{FaultReset, FaultClosed, FaultTimeout, FaultRefused}
}

// Err is the error that net/http would report for the fault; nil for none.
func (f Fault) Err() error {
	switch f {
	case "":
		return nil
	case FaultClosed:
		return io.EOF
	case FaultTimeout:
		return &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
	case FaultRefused:
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	default:
		return &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
}

// FaultOf names the fault behind a transport's error.
func FaultOf(err error) Fault {
	if err == nil {
		return ""
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return FaultRefused
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return FaultTimeout
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return FaultTimeout
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) {
		return FaultClosed
	}
	return FaultReset
}
