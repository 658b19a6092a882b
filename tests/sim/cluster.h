// The program of simulated clusters: what it does, cluster.cpp says.
#pragma once

namespace penstock::sim {

/// Its exit code.
int run_clusters(int argc, char** argv);

}  // namespace penstock::sim
