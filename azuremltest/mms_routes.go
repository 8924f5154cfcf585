package azuremltest

import "slices"

// dataPlaneRoutes are all services of a workspace but its computes, and the
// web services themselves.
func (s *Server) dataPlaneRoutes() []route {
	return slices.Concat(
		s.artifactRoutes(), s.blobRoutes(), s.environmentRoutes(), s.buildRoutes(),
		s.assetRoutes(), s.modelRoutes(), s.serviceRoutes(), s.packageRoutes(), s.profileRoutes(), s.scoringRoutes(),
	)
}
