# The demo's web server: pages of WORK/site on a free port of this machine, which it writes to
# WORK/port. While WORK/closed is there it answers 503 with what stands in it.
use strict;
use warnings;
use IO::Socket::INET;

my $work = shift or die "usage: server.pl WORK\n";
my $listener = IO::Socket::INET->new(Listen => 10, LocalAddr => '127.0.0.1', ReuseAddr => 1)
    or die "cannot listen: $!\n";
open(my $told, '>', "$work/port.new") or die "$work/port.new: $!\n";
print $told $listener->sockport;
close $told;
rename "$work/port.new", "$work/port" or die "$work/port: $!\n";

sub text_of {
    my ($path) = @_;
    open(my $file, '<', $path) or return undef;
    local $/;
    return <$file>;
}

while (my $client = $listener->accept) {
    my ($path) = (<$client> // '') =~ m{^GET /([a-z0-9-]*(?:\.html)?)[ ?]};
    while (defined(my $line = <$client>)) { last if $line =~ /^\r?\n$/ }
    my ($status, $body) = ('404 Not Found', "no such page\n");
    if (defined(my $closed = text_of("$work/closed"))) {
        ($status, $body) = ('503 Service Unavailable', $closed);
    }
    elsif (defined $path and defined(my $page = text_of("$work/site/" . ($path || 'index.html')))) {
        ($status, $body) = ('200 OK', $page);
    }
    print $client "HTTP/1.1 $status\r\nContent-Length: " . length($body)
        . "\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n\r\n$body";
    close $client;
}
