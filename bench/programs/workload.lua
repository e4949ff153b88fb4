-- What scripts do: tables, strings, closures, method calls.

local Account = {}
Account.__index = Account

function Account.new(name)
  return setmetatable({ name = name, balance = 0 }, Account)
end

function Account:deposit(amount)
  self.balance = (self.balance + amount) % 1000003
end

local function queens(size)
  local columns, up, down, solutions = {}, {}, {}, 0
  local function place(row)
    if row > size then
      solutions = solutions + 1
      return
    end
    for column = 1, size do
      local a, b = row + column, row - column
      if not (columns[column] or up[a] or down[b]) then
        columns[column], up[a], down[b] = true, true, true
        place(row + 1)
        columns[column], up[a], down[b] = nil, nil, nil
      end
    end
  end
  place(1)
  return solutions
end

local text = string.rep("the quick brown fox jumps over the lazy dog ", 20)

local function words()
  local counts, names = {}, {}
  for word in text:gmatch("%a+") do
    if not counts[word] then names[#names + 1] = word end
    counts[word] = (counts[word] or 0) + #word
  end
  table.sort(names)
  local parts = {}
  for i, name in ipairs(names) do parts[i] = name .. "=" .. counts[name] end
  return #table.concat(parts, ";")
end

local accounts = {}
for i = 1, 50 do accounts[i] = Account.new("account" .. i) end

local result = 0
for round = 1, start() do
  result = result + queens(6) + words()
  for i = 1, 2000 do accounts[i % 50 + 1]:deposit(i * round) end
  result = (result * 31 + accounts[7].balance) % 2147483647
end
finish(result)
