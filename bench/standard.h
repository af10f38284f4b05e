#pragma once

#include <cstdint>

#include "bench/figures.h"
#include "bench/site.h"

namespace pawl::bench {

// One round of the standard set: every workload once, each on a fresh broker.
// Figures takes the medians over the rounds.
void run_standard_round(Site& site, Figures& figures);

// The backlogs of 1 million, and of 10 million; the second takes a quarter of an hour.
void run_million(Site& site, Figures& figures);
void run_ten_million(Site& site, Figures& figures);
// The second with any number of jobs, and without those that come as singles.
void run_backlog(Site& site, Figures& figures, std::uint64_t jobs);

// Jobs are reaped while others come: two minutes.
void run_reaping(Site& site, Figures& figures);

}  // namespace pawl::bench
