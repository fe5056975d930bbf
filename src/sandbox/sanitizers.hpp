// The run-time libraries of sanitizers reserve terabytes and make calls of their own at any time. A build with them
// looks for faults in what is confined; the confinement itself is tested in a build without.
#pragma once

namespace fanout::sandbox {

#ifdef FANOUT_BUILT_WITH_SANITIZERS
inline constexpr bool built_with_sanitizers = true;
#else
inline constexpr bool built_with_sanitizers = false;
#endif

}  // namespace fanout::sandbox
