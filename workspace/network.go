package workspace

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/azureml-go/azureml"
)

// barrier is a network setting of a workspace that keeps requests out.
type barrier struct {
	// setting is its name in the resource manager.
	setting string
	// texts are found, in any case of letters, in refusals that it causes.
	texts []string
}

var (
	publicAccess = barrier{"publicNetworkAccess", []string{"public network access", "publicnetworkaccess", "public access is disabled", "public access is not allowed"}}
	privateLink  = barrier{"privateEndpointConnections", []string{"private link", "privatelink", "private endpoint"}}
	legacyMode   = barrier{"v1LegacyMode", []string{"v1legacymode", "v1_legacy_mode", "v1 legacy mode", "legacy mode"}}
)

func (b barrier) in(text string) bool {
	text = strings.ToLower(text)
	for _, t := range b.texts {
		if strings.Contains(text, t) {
			return true
		}
	}
	return false
}

// explainRefusal adds to a failure that comes from the workspace's network settings what
// was blocked and which setting blocks it. Other failures stay as they are.
func (w *Workspace) explainRefusal(s Service, err error) error {
	e, ok := errors.AsType[*azureml.Error](err)
	if !ok {
		return err
	}
	reason := w.blockedBy(s, e)
	if reason == "" {
		return err
	}
	copied := *e
	copied.Remedy = reason
	if e.StatusCode != 0 {
		// A gateway that refuses for the network's sake may say so with 502.
		copied.Kind = azureml.ErrForbidden
	}
	return &copied
}

// blockedBy says what was blocked by which setting, "" if no setting is to blame.
func (w *Workspace) blockedBy(s Service, e *azureml.Error) string {
	text := e.Message
	for _, d := range e.Details {
		text += " " + d.Message
	}
	if e.HasCode("AuthorizationFailed", "LinkedAuthorizationFailed") {
		return "" // a role is missing; the message may name a network resource all the same
	}
	// The gateway in front of the services says it with 401, 403 or 502.
	refused := e.StatusCode == http.StatusForbidden || e.StatusCode == http.StatusUnauthorized || e.StatusCode == http.StatusBadGateway
	unfit := refused || e.StatusCode == http.StatusBadRequest || e.StatusCode == http.StatusConflict || e.StatusCode == http.StatusMethodNotAllowed
	unreached := e.StatusCode == 0 && errors.Is(e, azureml.ErrUnavailable) && e.Method != ""
	switch {
	case unfit && legacyMode.in(text):
		return w.explainLegacy(s)
	case refused && (publicAccess.in(text) || privateLink.in(text)):
		return w.explainPrivate(s, "was refused because it came over the public network", publicAccess.in(text))
	case s == ResourceManager:
		return "" // it is on the public network whatever the workspace's settings
	case e.StatusCode == http.StatusForbidden && w.closed():
		return w.explainPrivate(s, "was refused, and may have come over the public network", false) +
			"\nIf it does come from inside, the signed-in principal lacks a role on the workspace."
	case unreached && (w.closed() || w.private()):
		return w.explainPrivate(s, "did not get through", false)
	}
	return ""
}

// closed tells of a workspace that takes requests only through private endpoints.
func (w *Workspace) closed() bool { return strings.EqualFold(w.PublicNetworkAccess, "Disabled") }

func (w *Workspace) explainPrivate(s Service, what string, saysSetting bool) string {
	setting := fmt.Sprintf("%s of the workspace is Disabled", publicAccess.setting)
	if !w.closed() && !saysSetting {
		setting = "the workspace is behind a private link (" + privateLink.setting + ")"
	}
	if w.PrivateLinkCount > 0 {
		setting += fmt.Sprintf(" and it has %d private endpoint(s)", w.PrivateLinkCount)
	}
	how := "Run this inside of the virtual network of a private endpoint of the workspace"
	if domain := w.connection.cloud.DiscoveryDomain(); domain != "" {
		how += ", where the DNS zone privatelink." + domain + " resolves"
	}
	return fmt.Sprintf("Blocked: the request to %s %s.\nSetting: %s.\n%s, or let the public network in: BeginUpdate with PublicNetworkAccess \"Enabled\".",
		s.words(), what, setting, how)
}

func (w *Workspace) explainLegacy(s Service) string {
	return fmt.Sprintf("Blocked: the request to %s, which is of the newer interface.\nSetting: %s of the workspace is true; it keeps everything but the services of the first generation out.\n"+
		"Set it to false: BeginUpdate with V1LegacyMode; this can take an hour to take effect. Requests then go through the public resource manager, where a private endpoint does not hide them.",
		s.words(), legacyMode.setting)
}

// words name the service for people.
func (s Service) words() string {
	switch s {
	case ResourceManager:
		return "the resource manager"
	case ModelManagement, Assets:
		return "the workspace's model management"
	case Artifacts:
		return "the workspace's artifact service"
	case Environments:
		return "the workspace's environment service"
	case History:
		return "the workspace's run history"
	}
	return "the workspace's services"
}
