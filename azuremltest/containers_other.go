//go:build !unix

package azuremltest

import "os/exec"

// ownGroup does nothing where there are no process groups.
func ownGroup(*exec.Cmd) {}

// killGroup ends a program.
func killGroup(cmd *exec.Cmd) {
	_ = cmd.Process.Kill() // it may have ended by itself
}
