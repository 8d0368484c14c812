# Read a formula as Homebrew would on a given machine: formula.rb FORMULA OS ARCH [BIN].
# Prints what was declared, as JSON; with BIN, runs the formula's test against that directory.
require "json"

SYSTEM, PROCESSOR = ARGV[1].to_sym, ARGV[2].to_sym

class String
  def major_minor_patch = self[/\A\d+\.\d+\.\d+/]
end

class Formula
  DECLARED = {}

  class << self
    %i[desc homepage version license url sha256].each do |name|
      define_method(name) do |value|
        raise "#{name} declared twice" if DECLARED.key?(name)

        DECLARED[name] = value
      end
    end
    def on_macos = (yield if SYSTEM == :macos)
    def on_linux = (yield if SYSTEM == :linux)
    def on_arm = (yield if PROCESSOR == :arm)
    def on_intel = (yield if PROCESSOR == :intel)
    def test(&block) = define_method(:run_test, &block)
  end

  # Where brew puts things: remembers what was put there.
  class Place
    INSTALLED = []

    def initialize(name) = @name = name

    def install(file) = INSTALLED << [@name, file.is_a?(Hash) ? file.keys.first : file]

    def to_s = ARGV[3]
  end

  def bin = Place.new("bin")
  def man1 = Place.new("man1")
  def bash_completion = Place.new("bash")
  def zsh_completion = Place.new("zsh")
  def fish_completion = Place.new("fish")
  def version = DECLARED[:version]

  def shell_output(command)
    output = `env -i PATH=/nonexistent HOME=/nonexistent #{command}`
    raise "#{command}: #{$?.exitstatus}" unless $?.success?

    output
  end

  def assert_match(wanted, got)
    raise "#{wanted} is not in #{got}" unless got.include?(wanted)
  end
end

require File.expand_path(ARGV[0])
AwsRoleExec.new.install
AwsRoleExec.new.run_test if ARGV[3]
puts JSON.generate(Formula::DECLARED.merge(installed: Formula::Place::INSTALLED))
