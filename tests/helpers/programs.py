"""Source files of made-up programs, one for each language, and the statements in them.

Each is a text and the list of `(level, line, function, text)` that is to be found in it.
"""

PYTHON = '''
import logging, sys, structlog
LOG = logging.getLogger(__name__)
NOT_FOUND = "order %s not found"

class Gateway:
    """A docstring may say log.error("not this")."""

    def capture(self, order, amount):
        # LOG.error("nor this")
        LOG.info("capturing %s of %(currency)s for order %d", amount, order)
        self.log.warning(
            "gateway answered late, "
            "retrying in {} s"  # implicitly joined
            .format(self.delay),
            extra={"order": "1"},
        )
        try:
            return self.send(order)
        except Timeout as e:
            LOG.exception("cannot capture %s: %s" % (order, e))
        except ValueError:
            msg = _LE("declined: 100%% of {amount!r:>10}")
            LOG.error(msg)
        logging.getLogger("a.b").critical(f"no {order.id} in {self.shop['name']}\\n")
        LOG.log(logging.DEBUG, "raw \\"%s\\"", order)
        print("cannot flush:", order, file=sys.stderr)
        structlog.get_logger().bind(order=order).error(event="lost", order=order)
        LOG.error(NOT_FOUND, order)

    async def close(self):
        async def later():
            self.logger.debug("closing " + self.name + ", bye")
        LOG.info("a" if self.open else "b")
        LOG.info("%s", self)
        login.error("no logger")

LOG.info("loaded")
'''
IN_PYTHON = [
    ("INFO", 11, "capture", "capturing <*> of <*> for order <*>"),
    ("WARN", 12, "capture", "gateway answered late, retrying in <*> s"),
    ("ERROR", 21, "capture", "cannot capture <*>: <*>"),
    ("ERROR", 24, "capture", "declined: 100% of <*>"),
    ("FATAL", 25, "capture", "no <*> in <*>"),
    ("DEBUG", 26, "capture", 'raw "<*>"'),
    ("WARN", 27, "capture", "cannot flush: <*>"),
    ("ERROR", 28, "capture", "lost"),
    ("ERROR", 29, "capture", "order <*> not found"),
    ("DEBUG", 33, "later", "closing <*>, bye"),
    ("INFO", 34, "close", "a"),
    ("INFO", 38, None, "loaded"),
]

JAVA = '''
class Gateway {
  private static final Logger log = LoggerFactory.getLogger(Gateway.class);
  @Retry(times = 3)
  public Receipt capture(final Order order, int n) throws IOException {
    log.info("capturing {} of {}", n, order);
    if (n > 3) {
      LOG.warn("late: " + order.getId() + " after " + n + "ms");  // log.warn("not this")
    }
    try { send(order, () -> { logger.debug("sent \\u0041 {}", order); }); }
    catch (IOException e) {
      logger.error(String.format("cannot capture %s (%05.2f)", order, n), e);
      java.util.logging.Logger.getLogger("x").log(Level.SEVERE, "no gateway {0}", order);
      LoggerFactory.getLogger("b")
          .atWarn()
          .setCause(e)
          .log("declined {}", order);
      Log.e("Gateway", "android " + order);
      Timber.tag("pay").w("odd amount %d", n);
      System.err.println("giving up on " + order);
    }
    log.error("""
        several
        lines {}""", order);
    log.info(order.toString());
    char quote = '"'; log.trace("after a quote");
  }
}
'''
IN_JAVA = [
    ("INFO", 6, "capture", "capturing <*> of <*>"),
    ("WARN", 8, "capture", "late: <*> after <*>ms"),
    ("DEBUG", 10, "capture", "sent A <*>"),
    ("ERROR", 12, "capture", "cannot capture <*> (<*>)"),
    ("ERROR", 13, "capture", "no gateway <*>"),
    ("WARN", 17, "capture", "declined <*>"),
    ("ERROR", 18, "capture", "android <*>"),
    ("WARN", 19, "capture", "odd amount <*>"),
    ("WARN", 20, "capture", "giving up on <*>"),
    ("ERROR", 22, "capture", "several lines <*>"),
    ("TRACE", 26, "capture", "after a quote"),
]

SCALA = '''
class Broker extends Logging {
  def flush(n: Int): Unit = {
    info(s"flushing $n of ${partitions.map(_.name).mkString(", ")}")
    logWarning(s"slow: ${n}ms" +
      " and counting")
    logger.error("""raw "quoted" text""", e)
    logger.debug { s"lazy $n" }
  }
}
'''
IN_SCALA = [
    ("INFO", 4, "flush", "flushing <*> of <*>"),
    ("WARN", 5, "flush", "slow: <*>ms and counting"),
    ("ERROR", 7, "flush", 'raw "quoted" text'),
    ("DEBUG", 8, "flush", "lazy <*>"),
]

KOTLIN = """
class Queue {
  private val logger = KotlinLogging.logger {}
  suspend fun <T> List<T>.drain(max: Int): T? {
    items.forEach(max) {
      logger.info { "draining $max of ${items.size}, price \\$5" }
    }
    log.error("cannot drain {}", max, e)
    Timber.e(e, "lost %s", max)
    return null
  }
}
"""
IN_KOTLIN = [
    ("INFO", 6, "drain", "draining <*> of <*>, price $5"),
    ("ERROR", 8, "drain", "cannot drain <*>"),
    ("ERROR", 9, "drain", "lost <*>"),
]

GO = """
package pay

func (s *Server) Capture(ctx context.Context, id string) error {
    log.Printf("capturing %s (%+v)", id, s)
    logger.Error("cannot capture", zap.String("order", id), zap.Error(err))
    s.log.WithFields(logrus.Fields{"order": "1"}).Warnf("late by %d", n)
    klog.V(2).InfoS("retrying", "order", id)
    slog.ErrorContext(ctx, "declined", "order", id)
    zlog.Error().Err(err).Str("order", id).Msg("no gateway")
    log.Println("giving up on", id, "now")
    fmt.Fprintf(os.Stderr, "usage of %s\\n", id)
    go func(n int) error {
        log.Fatal(`raw "text"
over lines`)
        return fmt.Errorf("not logged %d", n)
    }(1)
    t.Errorf("not logged either")
}
"""
IN_GO = [
    ("INFO", 5, "Capture", "capturing <*> (<*>)"),
    ("ERROR", 6, "Capture", "cannot capture"),
    ("WARN", 7, "Capture", "late by <*>"),
    ("INFO", 8, "Capture", "retrying"),
    ("ERROR", 9, "Capture", "declined"),
    ("ERROR", 10, "Capture", "no gateway"),
    ("INFO", 11, "Capture", "giving up on <*> now"),
    ("WARN", 12, "Capture", "usage of <*>"),
    ("FATAL", 14, "Capture", 'raw "text" over lines'),
]

C = r"""
#define pr_fmt(fmt) "pay: " fmt
/* pr_err("not this"); */
static int capture(struct order *o,
           int n)
{
    pr_err("cannot capture %s: %d\n", o->id, n);
    printk(KERN_WARNING "late by %lu ms, " "retrying\n", n);
    dev_dbg(&o->dev, "sent %pM %#x\n", o->mac, n);
    if (n > 100) {
        syslog(LOG_ERR | LOG_AUTH, "lost 100%% of %" PRIu64 " bytes", n);
        fprintf(stderr, "giving up on %s\n", o->id);
    }
    ext4_warning(o->sb, "inode #%u: bad \"block\"", n);
    error("no gateway: %.200s", strerror(errno));
    elog(ERROR, "declined by %s", o->bank);
    ereport(FATAL, (errcode(1), errmsg("role \"%s\" is gone", o->id)));
    perror("pay: open");
    snprintf(buf, 9, "not logged %d", n);
    set_error(o, "not logged either");
    av_log(o, AV_LOG_INFO, "stream %d\n"
           "continues\n", n);
    ngx_log_error(NGX_LOG_NOTICE, o->log, 0, "worker %P exits %uz, %V", n, n, o);
    return 0;
}
"""
IN_C = [
    ("ERROR", 7, "capture", "cannot capture <*>: <*>"),
    ("WARN", 8, "capture", "late by <*> ms, retrying"),
    ("DEBUG", 9, "capture", "sent <*> <*>"),
    ("ERROR", 11, "capture", "lost 100% of <*> bytes"),
    ("WARN", 12, "capture", "giving up on <*>"),
    ("WARN", 14, "capture", 'inode #<*>: bad "block"'),
    ("ERROR", 15, "capture", "no gateway: <*>"),
    ("ERROR", 16, "capture", "declined by <*>"),
    ("FATAL", 17, "capture", 'role "<*>" is gone'),
    ("ERROR", 18, "capture", "pay: open"),
    ("INFO", 21, "capture", "stream <*> continues"),
    ("INFO", 23, "capture", "worker <*> exits <*>, <*>"),
]

CPP = r"""
Gateway::Gateway(int n) : n_(n), names_(n) {
  LOG(ERROR) << "cannot capture " << order.id() << ": "
             << std::hex << n << "; giving up" << std::endl;
  VLOG(1) << "capturing";
}
void Gateway::close() const noexcept {
  spdlog::warn("late by {} ms, {:>8}", n, order);
  logger_->error("no gateway {}", n);
  SPDLOG_LOGGER_INFO(logger, "opened {}", n);
  std::cerr << "usage: " << argv[0] << "\n";
  BOOST_LOG_TRIVIAL(fatal) << "lost " << n;
  qWarning() << "odd" << n;
  LOG4CXX_DEBUG(logger, "sent " << n << " bytes");
  auto raw = R"(LOG(ERROR) << "not this")";
  log_error(R"x(raw "text" %d)x", n);
  throw std::runtime_error("not logged");
}
"""
IN_CPP = [
    ("ERROR", 3, "Gateway", "cannot capture <*>: <*>; giving up"),
    ("DEBUG", 5, "Gateway", "capturing"),
    ("WARN", 8, "close", "late by <*> ms, <*>"),
    ("ERROR", 9, "close", "no gateway <*>"),
    ("INFO", 10, "close", "opened <*>"),
    ("WARN", 11, "close", "usage: <*>"),
    ("FATAL", 12, "close", "lost <*>"),
    ("WARN", 13, "close", "odd <*>"),
    ("DEBUG", 14, "close", "sent <*> bytes"),
    ("ERROR", 16, "close", 'raw "text" <*>'),
]

RUST = r"""
impl<'a> Gateway<'a> {
    pub async fn capture(&self, order: &'a Order) -> Result<(), Error> {
        info!("capturing {order} of {}", self.name);
        tracing::error!(target: "pay", error = %e, order.id = 1, "cannot capture");
        log::warn!("late by {:?}, \
                    retrying", n);
        eprintln!("no gateway {n:>5}");
        let quote = '"';
        debug!(r#"raw "text" {{kept}}"#);
        slog::error!(self.log, "declined"; "order" => order);
        Err(format!("not logged {}", n).into())
    }
}
"""
IN_RUST = [
    ("INFO", 4, "capture", "capturing <*> of <*>"),
    ("ERROR", 5, "capture", "cannot capture"),
    ("WARN", 6, "capture", "late by <*>, retrying"),
    ("WARN", 8, "capture", "no gateway <*>"),
    ("DEBUG", 10, "capture", 'raw "text" {kept}'),
    ("ERROR", 11, "capture", "declined"),
]

JAVASCRIPT = r"""
class Gateway {
  async capture(order) {
    logger.info(`capturing ${order.items.map((i) => `${i.id}`).join(", ")} now`);
    this.log.error({ err, order }, 'cannot capture %s', order.id);
    winston.log('warn', 'late by ' + n + ' ms');
    logger.log({ level: "error", message: "no gateway" });
    console.error("giving up on", order, "now");
    const pattern = /["']/g;
    process.stderr.write("lost\n");
    throw new Error("not logged");
  }
}
const close = async (order) => {
  // logger.error("not this")
  req.log.debug('it\'s closed');
};
"""
IN_JAVASCRIPT = [
    ("INFO", 4, "capture", "capturing <*> now"),
    ("ERROR", 5, "capture", "cannot capture <*>"),
    ("WARN", 6, "capture", "late by <*> ms"),
    ("ERROR", 7, "capture", "no gateway"),
    ("ERROR", 8, "capture", "giving up on <*> now"),
    ("WARN", 10, "capture", "lost"),
    ("DEBUG", 16, "close", "it's closed"),
]

CSHARP = r"""
public class Gateway {
  [HttpPost("capture")]
  public async Task<Receipt> CaptureAsync(Order order, List<string> names = null) {
    _logger.LogInformation("capturing {OrderId} of {@Order}", order.Id, order);
    _logger.LogError(e, $"cannot capture {order.Names["first"]} {{kept}}");
    Log.ForContext<Gateway>().Warning("late by {Elapsed:0.0} ms", n);
    logger.Log(LogLevel.Critical, @"no ""gateway"" in C:\pay");
    Console.Error.WriteLine("giving up on " + order);
    throw new Exception("not logged");
  }
  [LoggerMessage(EventId = 1, Level = LogLevel.Error, Message = "declined by {Bank}")]
  partial void Declined(string bank);
}
"""
IN_CSHARP = [
    ("INFO", 5, "CaptureAsync", "capturing <*> of <*>"),
    ("ERROR", 6, "CaptureAsync", "cannot capture <*> {kept}"),
    ("WARN", 7, "CaptureAsync", "late by <*> ms"),
    ("FATAL", 8, "CaptureAsync", r'no "gateway" in C:\pay'),
    ("WARN", 9, "CaptureAsync", "giving up on <*>"),
    ("ERROR", 12, None, "declined by <*>"),
]

PROGRAMS = {
    "gateway.py": (PYTHON, IN_PYTHON),
    "Gateway.java": (JAVA, IN_JAVA),
    "Broker.scala": (SCALA, IN_SCALA),
    "Queue.kt": (KOTLIN, IN_KOTLIN),
    "server.go": (GO, IN_GO),
    "gateway.c": (C, IN_C),
    "gateway.cc": (CPP, IN_CPP),
    "gateway.rs": (RUST, IN_RUST),
    "gateway.ts": (JAVASCRIPT, IN_JAVASCRIPT),
    "Gateway.cs": (CSHARP, IN_CSHARP),
}
