#pragma once

#include "bench/figures.h"
#include "bench/site.h"

namespace pawl::bench {

// One round of the standard set: every workload once, each on a fresh broker.
// Figures takes the medians over the rounds.
void run_standard_round(Site& site, Figures& figures);

// What takes minutes and is run once, or a few times: the backlogs of 1 and 10 million jobs, and
// reaping.
void run_million(Site& site, Figures& figures);
void run_ten_million(Site& site, Figures& figures);
void run_reaping(Site& site, Figures& figures);

}  // namespace pawl::bench
