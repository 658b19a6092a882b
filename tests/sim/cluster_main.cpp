#include "cluster.h"

int main(int argc, char** argv) { return penstock::sim::run_clusters(argc, argv); }
