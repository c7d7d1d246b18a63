// Precompiled header of the test programs.
#pragma once
#include "pch/pch_arrow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
