#include "config/load.hpp"
#include "config/model.hpp"
#include "rules/mutation_scope.hpp"
#include "rules/storable.hpp"
