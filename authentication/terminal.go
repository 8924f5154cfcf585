package authentication

import (
	"os"
	"os/exec"
	"runtime"
	"slices"
)

// isTerminal tells whether a person can be expected at standard input.
func isTerminal() bool { return terminalFile(os.Stdin) }

// terminalFile tells a terminal from the null device, which is a character device, too.
func terminalFile(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// hasDisplay tells whether a browser can be opened here. On a server that is reached over
// ssh there may be xdg-open, but nowhere to show a window.
func hasDisplay() bool {
	if runtime.GOOS != "linux" {
		return true
	}
	shown := slices.ContainsFunc([]string{"DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"}, func(name string) bool { return os.Getenv(name) != "" })
	return shown && slices.ContainsFunc([]string{"xdg-open", "x-www-browser", "www-browser"}, func(program string) bool {
		_, err := exec.LookPath(program)
		return err == nil
	})
}
